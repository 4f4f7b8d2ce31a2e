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
import { Sha256Thread } from './hash/sha256-thread.js';

const MIB = 1024 * 1024;

/** Counts the bytes that were copied for it. */
class CountingThread extends Sha256Thread {
  copied = 0;

  override hashBytes(file: number, chunks: readonly Buffer[]): void {
    this.copied += chunks.reduce((sum, { length }) => sum + length, 0);
    super.hashBytes(file, chunks);
  }
}

describe('BodyHash', () => {
  const content = randomBytes(20 * MIB);
  let path: string;
  let folder: SpoolFolder;
  let thread: CountingThread;

  beforeAll(() => {
    thread = new CountingThread();
  });
  afterAll(() => thread.close());

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'body-hash-'));
    folder = new SpoolFolder({ path, limitBytes: 0 });
    thread.copied = 0;
  });
  afterEach(() => rm(path, { recursive: true }));

  function begin(on = thread): { body: SpooledBody; bodyHash: BodyHash } {
    const body: SpooledBody = new SpooledBody({
      memoryBytes: MIB,
      budget: new MemoryBudget(64 * MIB),
      createFile: () => folder.create(),
      observer: {
        spooled: (file, bytes) => bodyHash.spooled(file, bytes),
        spoolFailed: () => bodyHash.spoolFailed(),
      },
    });
    const bodyHash = new BodyHash(() => on, body);
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

  it.each([
    ['by itself, where it is small', 256 * 1024, 0],
    ['on the thread, which it is copied for', 900_000, 900_000],
  ])('hashes what fits into memory at its end, %s', async (_where, size, copied) => {
    const { body, bodyHash } = begin();
    await send(content.subarray(0, size), body, bodyHash);
    expect(thread.copied).toBe(0);
    expect(await bodyHash.digest()).toBe(sha256(content.subarray(0, size)));
    expect(thread.copied).toBe(copied);
    await body.dispose();
  });

  it('reads the greatest part of a large body from its file', async () => {
    const { body, bodyHash } = begin();
    await send(content, body, bodyHash);
    expect(await bodyHash.digest()).toBe(sha256(content));
    // What was not written yet at the end.
    expect(thread.copied).toBeLessThan(MIB);
    await body.dispose();
    expect(await readdir(path)).toEqual([]);
  });

  it('goes on with copies when the disk takes no more, and lets the file go', async () => {
    folder = new SpoolFolder({ path, limitBytes: 8 * MIB });
    const { body, bodyHash } = begin();
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
    const { body, bodyHash } = begin();
    const reader = body.open(0, new AbortController().signal).resume();
    await send(content, body, bodyHash);
    expect(await bodyHash.digest()).toBe(sha256(content));
    reader.destroy();
    await body.dispose();
  });

  it.each<readonly [string, (body: SpooledBody) => void]>([
    ['fails', (body) => body.fail(new Error('The client has gone'))],
    ['is given up', () => undefined],
  ])('leaves nothing behind when the body %s', async (_how, end) => {
    const { body, bodyHash } = begin();
    await send(content, body, bodyHash);
    end(body);
    bodyHash.dispose();
    bodyHash.dispose();
    await body.dispose();
    expect(await readdir(path)).toEqual([]);
    await expect(bodyHash.digest()).rejects.toThrow('INTERNAL_ERROR');
  });

  it('fails with the body, and lets its file go', async () => {
    const { body, bodyHash } = begin();
    await send(content, body, bodyHash);
    body.fail(new Error('The client has gone'));
    await expect(bodyHash.digest()).rejects.toThrow('The client has gone');
    bodyHash.dispose();
    await body.dispose();
    expect(await readdir(path)).toEqual([]);
  });

  it('fails with the thread, and lets its file go', async () => {
    const doomed = new CountingThread();
    const { body, bodyHash } = begin(doomed);
    await send(content, body, bodyHash);
    await doomed.close();
    await expect(bodyHash.digest()).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    await body.dispose();
    expect(await readdir(path)).toEqual([]);
  });
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
