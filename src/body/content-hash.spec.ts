import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, nat } from 'fast-check';
import { ThreadedContentHash } from './hash/content-hash-threaded.js';
import { type ContentHash, InlineContentHash } from './content-hash.js';
import { createSha256Ring, RING_SLOTS, SLOT_BYTES } from './hash/sha256-ring.js';
import { Sha256Thread } from './hash/sha256-thread.js';
import { casesOf } from '../../test/support/long-run.js';

const RING_BYTES = RING_SLOTS * SLOT_BYTES;

let thread: Sha256Thread;

beforeAll(() => {
  thread = new Sha256Thread();
});

afterAll(() => thread.close());

const kinds: readonly (readonly [string, () => ContentHash])[] = [
  ['inline', () => new InlineContentHash()],
  ['threaded', () => new ThreadedContentHash(thread)],
];

describe.each(kinds)('a content hash (%s)', (_kind, start) => {
  it('gives the digest of node:crypto however the bytes are cut', async () => {
    const random = randomBytes(3 * SLOT_BYTES);
    const cuts = array(nat({ max: 2 * SLOT_BYTES }), { minLength: 1, maxLength: 20 });
    await assert(
      asyncProperty(nat({ max: random.length }), cuts, async (length, sizes) => {
        const content = random.subarray(0, length);
        expect(await digestInPieces(start(), content, sizes)).toBe(sha256(content));
      }),
      { numRuns: casesOf(100) },
    );
  });

  it('gives the digest of nothing for an empty file', async () => {
    expect(await start().digest()).toBe(sha256(Buffer.alloc(0)));
  });

  it('keeps 200 files apart that arrive at once', async () => {
    const files = Array.from({ length: 200 }, (_, index) => {
      return { hash: start(), content: Buffer.alloc(100_000 + index, `file ${index} `) };
    });
    for (const part of [0, 1, 2, 3, 4]) {
      for (const { hash, content } of files) await hash.update(fifth(content, part));
    }
    const digests = await Promise.all(files.map(({ hash }) => hash.digest()));
    expect(digests).toEqual(files.map(({ content }) => sha256(content)));
  });

  it('is harmless to dispose in the middle, after the digest and twice', async () => {
    const hash = start();
    const other = start();
    await hash.update(Buffer.alloc(1000, 'a'));
    await other.update(Buffer.alloc(1000, 'b'));
    hash.dispose();
    hash.dispose();
    expect(await other.digest()).toBe(sha256(Buffer.alloc(1000, 'b')));
    other.dispose();
  });
});

describe('ThreadedContentHash', () => {
  it('asks to wait when there is more than the ring holds', async () => {
    const content = Buffer.alloc(3 * RING_BYTES + 1, 'more than one ring ');
    const hash = new ThreadedContentHash(thread);
    const wait = hash.update(content);
    expect(wait).toBeInstanceOf(Promise);
    await wait;
    expect(await hash.digest()).toBe(sha256(content));
  });

  it('keeps the order when the caller does not wait', async () => {
    const chunks = Array.from({ length: 40 }, (_, index) => Buffer.alloc(RING_BYTES / 8 + index, index));
    const hash = new ThreadedContentHash(thread);
    for (const chunk of chunks) void hash.update(chunk);
    expect(await hash.digest()).toBe(sha256(Buffer.concat(chunks)));
  });

  it('goes on when the counters of the ring wrap around', async () => {
    const ring = createSha256Ring();
    for (const counter of [ring.published, ring.consumed]) Atomics.store(counter, 0, 0x7fff_fff0);
    const old = new Sha256Thread(ring);
    const content = Buffer.alloc(3 * RING_BYTES, 'wraps ');
    const hash = new ThreadedContentHash(old);
    await hash.update(content);
    expect(await hash.digest()).toBe(sha256(content));
    expect(Atomics.load(ring.consumed, 0)).toBeLessThan(0);
    await old.close();
  });

  it('lets others go on when a file is disposed while it waits for room', async () => {
    const disposed = new ThreadedContentHash(thread);
    const wait = disposed.update(Buffer.alloc(3 * RING_BYTES));
    disposed.dispose();
    const hash = new ThreadedContentHash(thread);
    await hash.update(Buffer.from('hello'));
    expect(await hash.digest()).toBe(sha256(Buffer.from('hello')));
    await wait;
  });

  it('fails what is under way with INTERNAL_ERROR when the thread dies', async () => {
    const doomed = new Sha256Thread();
    const waiting = new ThreadedContentHash(doomed);
    const ending = new ThreadedContentHash(doomed);
    await ending.update(Buffer.alloc(1000));
    const wait = waiting.update(Buffer.alloc(3 * RING_BYTES));
    const results = Promise.allSettled([wait, ending.digest()]);
    await doomed.close();
    const failure = { status: 'rejected', reason: expect.objectContaining({ code: 'INTERNAL_ERROR' }) };
    expect(await results).toEqual([failure, failure]);
    expect(doomed.failed).toBe(true);
    await expect(waiting.update(Buffer.from('late'))).rejects.toThrow('INTERNAL_ERROR');
    await expect(waiting.digest()).rejects.toThrow('INTERNAL_ERROR');
    waiting.dispose();
  });
});

async function digestInPieces(hash: ContentHash, content: Buffer, sizes: readonly number[]): Promise<string> {
  let rest = content;
  for (const size of sizes) {
    await hash.update(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  await hash.update(rest);
  return hash.digest();
}

function fifth(content: Buffer, part: number): Buffer {
  const size = Math.ceil(content.length / 5);
  return content.subarray(part * size, (part + 1) * size);
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
