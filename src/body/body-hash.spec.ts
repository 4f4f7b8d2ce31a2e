import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { SpooledBody } from './spooled/spooled-body.js';
import { MemoryBudget } from './memory-budget.js';
import { SpoolFolder } from './spool-folder.service.js';
import { BodyHash } from './body-hash.js';
import { ThreadedContentHash } from './hash/content-hash-threaded.js';
import { InlineContentHash } from './content-hash.js';
import { Sha256Thread } from './hash/sha256-thread.js';

const MIB = 1024 * 1024;

/** Counts the bytes that were copied for it. */
class CountedHash extends ThreadedContentHash {
  copied = 0;

  override update(chunk: Buffer): Promise<void> | undefined {
    this.copied += chunk.length;
    return super.update(chunk);
  }
}

describe('BodyHash', () => {
  const content = randomBytes(20 * MIB);
  let path: string;
  let folder: SpoolFolder;
  let thread: Sha256Thread;

  beforeAll(() => {
    thread = new Sha256Thread();
  });
  afterAll(() => thread.close());

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'body-hash-'));
    folder = new SpoolFolder({ path, limitBytes: 0 });
  });
  afterEach(() => rm(path, { recursive: true }));

  function begin(hash: InlineContentHash | ThreadedContentHash): { body: SpooledBody; bodyHash: BodyHash } {
    const body: SpooledBody = new SpooledBody({
      memoryBytes: MIB,
      budget: new MemoryBudget(64 * MIB),
      createFile: () => folder.create(),
      observer: {
        spooled: (file, bytes) => bodyHash.spooled(file, bytes),
        spoolFailed: () => bodyHash.spoolFailed(),
      },
    });
    const bodyHash = new BodyHash(hash, body);
    return { body, bodyHash };
  }

  async function send(bytes: Buffer, body: SpooledBody, bodyHash: BodyHash): Promise<void> {
    for (let at = 0; at < bytes.length; at += 60_000) {
      const chunk = bytes.subarray(at, at + 60_000);
      const hashing = bodyHash.update(chunk);
      body.write(chunk);
      await hashing;
      await body.whenWritable;
    }
  }

  it('copies what fits into memory', async () => {
    const hash = new CountedHash(thread);
    const { body, bodyHash } = begin(hash);
    await send(content.subarray(0, 900_000), body, bodyHash);
    expect(await bodyHash.digest()).toBe(sha256(content.subarray(0, 900_000)));
    expect(hash.copied).toBe(900_000);
    await body.dispose();
  });

  it('reads the greatest part of a large body from its file', async () => {
    const hash = new CountedHash(thread);
    const { body, bodyHash } = begin(hash);
    await send(content, body, bodyHash);
    expect(await bodyHash.digest()).toBe(sha256(content));
    // About its memory at the beginning, and what was not written yet at the end.
    expect(hash.copied).toBeLessThan(4 * MIB);
    await body.dispose();
    expect(await readdir(path)).toEqual([]);
  });

  it('hashes on the calling thread what it began there', async () => {
    const { body, bodyHash } = begin(new InlineContentHash());
    await send(content, body, bodyHash);
    expect(await bodyHash.digest()).toBe(sha256(content));
    await body.dispose();
  });

  it('goes on with copies when the disk takes no more, and lets the file go', async () => {
    folder = new SpoolFolder({ path, limitBytes: 8 * MIB });
    const { body, bodyHash } = begin(new ThreadedContentHash(thread));
    const reader = body.open(0, new AbortController().signal).resume();
    await send(content, body, bodyHash);
    expect(body.replayable).toBe(false);
    // Nobody waits for the file to be removed.
    await eventually(async () => expect(await readdir(path)).toEqual([]));
    expect(await bodyHash.digest()).toBe(sha256(content));
    reader.destroy();
    await body.dispose();
  });

  it('goes on with copies when there is no file at all', async () => {
    folder = new SpoolFolder({ path: '/dev/null', limitBytes: 0 });
    const { body, bodyHash } = begin(new ThreadedContentHash(thread));
    const reader = body.open(0, new AbortController().signal).resume();
    await send(content, body, bodyHash);
    expect(await bodyHash.digest()).toBe(sha256(content));
    reader.destroy();
    await body.dispose();
  });

  it.each([
    ['fails', 'The client has gone', (body: SpooledBody) => body.fail(new Error('The client has gone'))],
    ['is given up', 'INTERNAL_ERROR', () => undefined],
  ])('leaves nothing behind when the body %s', async (_how, error, fail) => {
    const { body, bodyHash } = begin(new ThreadedContentHash(thread));
    await send(content, body, bodyHash);
    fail(body);
    bodyHash.dispose();
    bodyHash.dispose();
    await body.dispose();
    expect(await readdir(path)).toEqual([]);
    await expect(bodyHash.digest()).rejects.toThrow(error);
  });
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
