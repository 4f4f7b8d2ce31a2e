import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { S3Refusal } from './s3-refusal.js';

/** Reads a body; `onBytes` hears of each chunk. */
export async function readPayload(
  request: IncomingMessage,
  onBytes: (bytes: number) => void,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    onBytes(chunk.length);
  }
  return Buffer.concat(chunks);
}

/** Compares the bytes with all that the request says of them. @throws S3Refusal */
export function checkPayload(bytes: Buffer, headers: IncomingHttpHeaders): void {
  const signed = String(headers['x-amz-content-sha256']);
  if (/^[0-9a-f]{64}$/.test(signed) && signed !== createHash('sha256').update(bytes).digest('hex')) {
    throw new S3Refusal(400, 'XAmzContentSHA256Mismatch');
  }
  if (signed.startsWith('STREAMING')) throw new S3Refusal(501, 'NotImplemented');
  checkDigest(bytes, 'md5', headers['content-md5']);
  checkDigest(bytes, 'sha256', headers['x-amz-checksum-sha256']);
}

function checkDigest(bytes: Buffer, algorithm: string, declared: unknown): void {
  if (declared === undefined) return;
  if (createHash(algorithm).update(bytes).digest('base64') !== declared)
    throw new S3Refusal(400, 'BadDigest');
}

/** The checksum that is kept of a part. */
export function keptChecksum(headers: IncomingHttpHeaders): string | undefined {
  const value = headers['x-amz-checksum-sha256'] ?? headers['x-amz-checksum-crc64nvme'];
  return typeof value === 'string' ? value : undefined;
}

/** What is kept of the headers of an object: its metadata, and how it is to be given to who downloads it. */
export function keptHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) =>
    /^(content-type|content-disposition|x-amz-meta-.*|x-amz-storage-class|x-amz-server-side-encryption.*)$/.test(
      name,
    ),
  );
  const metadata = kept.filter(([name]) => name.startsWith('x-amz-meta-'));
  const bytes = metadata.reduce((sum, [name, value]) => sum + name.length + String(value).length, 0);
  if (bytes > 2048) throw new S3Refusal(400, 'MetadataTooLarge');
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}
