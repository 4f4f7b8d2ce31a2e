import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import type { FileBody, FileDescription } from '../../src/storage/storage-element.js';

export const MIB = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** A body of the bytes of `source`, counted and hashed on the way. */
export function bodyOf(source: Readable, length?: number): FileBody {
  const hash = createHash('sha256');
  let size = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      hash.update(chunk);
      done(null, chunk);
    },
  });
  source.once('error', (error) => counted.destroy(error));
  // A real owner listens as well; without it an error after the driver's last look would end the process.
  counted.on('error', () => source.destroy());
  const stream = source.pipe(counted);
  let digest: { size: number; sha256: string } | undefined;
  return {
    takeWhole: () => undefined,
    stream,
    length,
    digest() {
      if (!stream.readableEnded) throw new Error('the stream has not ended');
      digest ??= { size, sha256: hash.digest('hex') };
      return digest;
    },
  };
}

/** A body of the given text or bytes, with its length declared. */
export function bodyOfBytes(content: string | Buffer): FileBody {
  const bytes = Buffer.from(content);
  return bodyOf(Readable.from([bytes], { objectMode: false }), bytes.length);
}

/** The same, which is here whole. */
export function wholeBody(content: string | Buffer): FileBody {
  const bytes = Buffer.from(content);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return {
    ...bodyOfBytes(bytes),
    takeWhole: () => bytes,
    digest: () => ({ size: bytes.length, sha256 }),
  };
}

/** Random bytes in chunks of 64 KiB, made as they are read, so that they are never all in memory. */
export function randomSource(size: number): Readable {
  const pattern = randomBytes(CHUNK_BYTES);
  let left = size;
  return new Readable({
    highWaterMark: CHUNK_BYTES,
    read() {
      const chunk = Buffer.from(pattern.subarray(0, Math.min(left, CHUNK_BYTES)));
      // Every chunk differs, so that a lost, doubled or moved one shows in the digest.
      if (chunk.length >= 4) chunk.writeUInt32LE(left % 0x1_0000_0000);
      left -= chunk.length;
      this.push(chunk.length === 0 ? null : chunk);
    },
  });
}

/** A body that is filled by the test: write or end `source`. */
export interface BodyInHand {
  readonly source: Transform;
  readonly body: FileBody;
  /** Has the body fail. */
  readonly fail: (error: Error) => void;
}

/** How bodies come to a driver. */
export interface FileBodies {
  /** A body of the bytes of `source`. */
  of(source: Readable, length?: number): FileBody;
  inHand(length?: number): BodyInHand;
}

/** As streams. */
export const STREAMED: FileBodies = { of: bodyOf, inHand: bodyInHand };

/** A streamed body in the hand of the test, which may destroy `source` as well. */
export function bodyInHand(length?: number): BodyInHand {
  const source = new Transform({
    transform(chunk, _encoding, done) {
      done(null, chunk);
    },
  });
  const body = bodyOf(source, length);
  return { source, body, fail: (error) => void body.stream.destroy(error) };
}

/** A description with a new id; `members` win. */
export function describedFile(members: Partial<FileDescription> = {}): FileDescription {
  return {
    fileId: randomUUID(),
    originalFilename: 'a.txt',
    contentType: 'text/plain',
    description: null,
    tags: [],
    metadata: {},
    retentionPolicy: 'temporary',
    ttlDays: 30,
    uploadedBy: 'alice',
    uploadedByUsername: 'Alice',
    uploadedAt: new Date('2026-11-20T10:00:00.000Z'),
    ...members,
  };
}
