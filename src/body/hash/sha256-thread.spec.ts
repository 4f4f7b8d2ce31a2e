import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, boolean, nat, tuple } from 'fast-check';
import { casesOf } from '../../../test/support/long-run.js';
import { Sha256Thread } from './sha256-thread.js';

const CONTENT = randomBytes(3_000_000);

/** What a thread runs first, to whom the system refuses the call as a seccomp filter does. */
const REFUSAL = `data:text/javascript,${encodeURIComponent(`
  import os from 'node:os';
  import { syncBuiltinESMExports } from 'node:module';
  os.setPriority = () => {
    throw Object.assign(new Error('EPERM: operation not permitted'), { code: 'ERR_SYSTEM_ERROR' });
  };
  syncBuiltinESMExports();
`)}`;

describe('Sha256Thread', () => {
  let folder: string;
  let descriptor: number;
  let thread: Sha256Thread;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sha256-'));
    await writeFile(join(folder, 'content'), CONTENT);
    descriptor = openSync(join(folder, 'content'), 'r');
    thread = new Sha256Thread();
  });

  afterAll(async () => {
    await thread.close();
    closeSync(descriptor);
    await rm(folder, { recursive: true });
  });

  const fromFile = (file: number, position: number, length: number): void =>
    thread.hashRange(file, { descriptor, position, length });

  it('gives the digest of node:crypto, however bytes and parts of the file take turns', async () => {
    const cuts = array(tuple(nat({ max: 1_000_000 }), boolean()), { maxLength: 12 });
    await assert(
      asyncProperty(cuts, async (pieces) => {
        const file = thread.nextFile();
        let position = 0;
        for (const [size, inFile] of pieces) {
          const length = Math.min(size, CONTENT.length - position);
          const bytes = CONTENT.subarray(position, position + length);
          const half = Math.floor(length / 2);
          if (inFile) fromFile(file, position, length);
          else thread.hashBytes(file, [bytes.subarray(0, half), bytes.subarray(half)]);
          position += length;
        }
        expect(await thread.digest(file)).toBe(sha256(CONTENT.subarray(0, position)));
      }),
      { numRuns: casesOf(100) },
    );
  });

  it('keeps 200 files apart that come at once', async () => {
    const files = Array.from({ length: 200 }, (_, index) => ({
      file: thread.nextFile(),
      content: Buffer.alloc(10_000 + index, `file ${index} `),
    }));
    for (const part of [0, 1, 2, 3, 4]) {
      for (const { file, content } of files) thread.hashBytes(file, [fifth(content, part)]);
    }
    const digests = await Promise.all(files.map(({ file }) => thread.digest(file)));
    expect(digests).toEqual(files.map(({ content }) => sha256(content)));
  });

  it('copies what it is given', async () => {
    const file = thread.nextFile();
    const bytes = Buffer.alloc(100_000, 'a');
    thread.hashBytes(file, [bytes]);
    bytes.fill('b');
    expect(await thread.digest(file)).toBe(sha256(Buffer.alloc(100_000, 'a')));
  });

  it('copies more than fits into one message', async () => {
    const file = thread.nextFile();
    const bytes = randomBytes(2_500_000);
    thread.hashBytes(file, [bytes.subarray(0, 10), bytes.subarray(10, 2_200_000), bytes.subarray(2_200_000)]);
    expect(await thread.digest(file)).toBe(sha256(bytes));
  });

  it('says when it was reached, and forgets a file', async () => {
    const file = thread.nextFile();
    fromFile(file, 0, 1_000_000);
    await thread.whenReached(file);
    fromFile(file, 1_000_000, 1_000_000);
    await thread.forget(file);
    expect(await thread.digest(file)).toBe(sha256(Buffer.alloc(0)));
  });

  it.each<readonly [string, Partial<Record<'descriptor' | 'position', number>>, string]>([
    ['ends too early', { position: CONTENT.length - 10 }, `The file ends before position ${CONTENT.length}`],
    ['cannot be read', { descriptor: 1_000_000 }, 'EBADF'],
  ])('never gives a digest when the file %s, and leaves others alone', async (_what, wrong, message) => {
    const [file, other] = [thread.nextFile(), thread.nextFile()];
    thread.hashRange(file, { descriptor, position: 0, length: 20, ...wrong });
    fromFile(file, 0, 10);
    fromFile(other, 0, CONTENT.length);
    await expect(thread.digest(file)).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
      cause: expect.objectContaining({ message: expect.stringContaining(message) }),
    });
    expect(await thread.digest(other)).toBe(sha256(CONTENT));
  });

  it('fails what is under way when it dies, and what comes later', async () => {
    const doomed = new Sha256Thread();
    const file = doomed.nextFile();
    doomed.hashBytes(file, [Buffer.alloc(1_000)]);
    const results = Promise.allSettled([doomed.whenReached(file), doomed.digest(file)]);
    await doomed.close();
    const failure = { status: 'rejected', reason: expect.objectContaining({ code: 'INTERNAL_ERROR' }) };
    expect(await results).toEqual(expect.arrayContaining([failure]));
    expect(doomed.failed).toBe(true);
    doomed.hashBytes(file, [Buffer.alloc(1_000)]);
    await expect(doomed.digest(file)).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
  });
});

it('the hashing thread hashes also where it may not have a priority of its own', async () => {
  const worker = new Worker(new URL('./sha256.worker.ts', import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning', '--import', REFUSAL],
  });
  try {
    worker.postMessage({ file: 1, bytes: Buffer.from('hello') });
    worker.postMessage({ file: 1, ask: 'digest' });
    await once(worker, 'message');
    const [message] = await once(worker, 'message');
    expect(message).toEqual({ digest: sha256(Buffer.from('hello')) });
  } finally {
    await worker.terminate();
  }
});

function fifth(content: Buffer, part: number): Buffer {
  const size = Math.ceil(content.length / 5);
  return content.subarray(part * size, (part + 1) * size);
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
