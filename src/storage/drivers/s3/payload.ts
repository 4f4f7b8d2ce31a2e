import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { Crc64Nvme } from './crc64-nvme.js';
import type { ChecksumKind } from './s3-settings.js';

export type DigestKind = Exclude<ChecksumKind, 'none'>;

/** Digests of the bytes of one request, as far as they are needed. */
export type PayloadDigests = Readonly<Partial<Record<DigestKind, Buffer>>>;

/** The bytes of one request, which can be sent more than once. */
export interface Payload {
  readonly size: number;
  readonly digests: PayloadDigests;
  /** Who opens a stream destroys it. */
  open(signal: AbortSignal): Readable | Buffer;
}

const HEADER_OF: Readonly<Record<DigestKind, string>> = {
  md5: 'content-md5',
  sha256: 'x-amz-checksum-sha256',
  crc64nvme: 'x-amz-checksum-crc64nvme',
};

/** What a store calls a checksum that it keeps; it keeps no MD5 but in an ETag. */
export const ALGORITHM_OF = { sha256: 'SHA256', crc64nvme: 'CRC64NVME' } as const;

/** The digest as a store is told it, and tells it itself. */
export function checksumHeaders(kind: ChecksumKind, digests: PayloadDigests): Record<string, string> {
  const digest = kind === 'none' ? undefined : digests[kind];
  return kind === 'none' || !digest ? {} : { [HEADER_OF[kind]]: digest.toString('base64') };
}

/** Makes the digests of bytes as they come. */
export class RunningDigests {
  readonly #hashes = new Map<DigestKind, Hash | Crc64Nvme>();

  constructor(kinds: ReadonlySet<DigestKind>) {
    for (const kind of kinds)
      this.#hashes.set(kind, kind === 'crc64nvme' ? new Crc64Nvme() : createHash(kind));
  }

  update(bytes: Buffer): void {
    for (const hash of this.#hashes.values()) hash.update(bytes);
  }

  digest(): PayloadDigests {
    return Object.fromEntries(Array.from(this.#hashes, ([kind, hash]) => [kind, hash.digest()]));
  }
}

/** Bytes that are in memory. `known` digests are not made again. */
export function bufferPayload(
  bytes: Buffer,
  kinds: ReadonlySet<DigestKind>,
  known: PayloadDigests = {},
): Payload {
  const missing = new RunningDigests(new Set(Array.from(kinds).filter((kind) => !known[kind])));
  missing.update(bytes);
  return { size: bytes.length, digests: { ...missing.digest(), ...known }, open: () => bytes };
}

/** Chunks that are in memory, sent one by one, so that it shows how fast they go. */
export function chunksPayload(chunks: readonly Buffer[], size: number, digests: PayloadDigests): Payload {
  return { size, digests, open: () => Readable.from(chunks, { objectMode: false }) };
}
