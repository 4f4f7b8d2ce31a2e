import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, boolean, nat, tuple } from 'fast-check';
import { ThreadedContentHash } from './content-hash-threaded.js';
import { RING_SLOTS, SLOT_BYTES } from './sha256-ring.js';
import { Sha256Thread } from './sha256-thread.js';
import { casesOf } from '../../../test/support/long-run.js';

const RING_BYTES = RING_SLOTS * SLOT_BYTES;
const CONTENT = randomBytes(5_000_000);

describe('ThreadedContentHash, of bytes that lie in a file', () => {
  let folder: string;
  let descriptor: number;
  let thread: Sha256Thread;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'content-hash-'));
    await writeFile(join(folder, 'content'), CONTENT);
    descriptor = openSync(join(folder, 'content'), 'r');
    thread = new Sha256Thread();
  });

  afterAll(async () => {
    await thread.close();
    closeSync(descriptor);
    await rm(folder, { recursive: true });
  });

  const fromFile = (hash: ThreadedContentHash, position: number, length: number): void =>
    hash.updateFrom({ descriptor, position, length });

  it('gives the digest of node:crypto, however chunks and parts of the file take turns', async () => {
    const cuts = array(tuple(nat({ max: 2_000_000 }), boolean()), { maxLength: 12 });
    await assert(
      asyncProperty(cuts, async (pieces) => {
        const hash = new ThreadedContentHash(thread);
        let position = 0;
        for (const [size, inFile] of pieces) {
          const length = Math.min(size, CONTENT.length - position);
          if (inFile) fromFile(hash, position, length);
          else void hash.update(CONTENT.subarray(position, position + length));
          position += length;
        }
        expect(await hash.digest()).toBe(sha256(CONTENT.subarray(0, position)));
      }),
      { numRuns: casesOf(200) },
    );
  });

  it('keeps many parts in order that come while there is no room', async () => {
    const hash = new ThreadedContentHash(thread);
    const chunk = Buffer.alloc(2 * RING_BYTES, 'first ');
    void hash.update(chunk);
    for (let position = 0; position < CONTENT.length; position += 1000) fromFile(hash, position, 1000);
    void hash.update(Buffer.from('last'));
    expect(await hash.digest()).toBe(sha256(Buffer.concat([chunk, CONTENT, Buffer.from('last')])));
  });

  it('never gives a digest when the file ends too early, and leaves others alone', async () => {
    const hash = new ThreadedContentHash(thread);
    const other = new ThreadedContentHash(thread);
    fromFile(hash, CONTENT.length - 10, 20);
    fromFile(hash, 0, 10);
    fromFile(other, 0, CONTENT.length);
    await expect(hash.digest()).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
      cause: expect.objectContaining({ message: `The file ends before position ${CONTENT.length}` }),
    });
    expect(await other.digest()).toBe(sha256(CONTENT));
  });

  it('never gives a digest when the file cannot be read', async () => {
    const hash = new ThreadedContentHash(thread);
    hash.updateFrom({ descriptor: 1_000_000, position: 0, length: 10 });
    await expect(hash.digest()).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
      cause: expect.objectContaining({ message: expect.stringContaining('EBADF') }),
    });
  });

  it('goes on after it has left the file', async () => {
    const hash = new ThreadedContentHash(thread);
    const left = hash.whenLeft();
    fromFile(hash, 0, CONTENT.length);
    hash.leaveFile();
    await left;
    void hash.update(Buffer.from('more'));
    expect(await hash.digest()).toBe(sha256(Buffer.concat([CONTENT, Buffer.from('more')])));
  });

  it.each<readonly [string, (hash: ThreadedContentHash) => Promise<unknown> | void]>([
    ['with its digest', (hash) => hash.digest()],
    ['when it is disposed', (hash) => hash.dispose()],
  ])('leaves the file %s', async (_when, end) => {
    const hash = new ThreadedContentHash(thread);
    const left = hash.whenLeft();
    void hash.update(Buffer.alloc(2 * RING_BYTES));
    fromFile(hash, 0, CONTENT.length);
    await end(hash);
    await expect(left).resolves.toBeUndefined();
  });

  it('leaves the file when the thread dies, before or after somebody waits for it', async () => {
    const doomed = new Sha256Thread();
    const hash = new ThreadedContentHash(doomed);
    const left = hash.whenLeft();
    fromFile(hash, 0, CONTENT.length);
    await doomed.close();
    await left;
    await hash.whenLeft();
    fromFile(hash, 0, 10);
    hash.leaveFile();
    await expect(hash.digest()).rejects.toThrow('INTERNAL_ERROR');
  });
});

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
