import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { bodyOn, collect, cut, writeAll } from '../../../test/support/spooled-bodies.js';
import type { SpooledBody } from './spooled-body.js';
import type { MemoryBudget } from '../memory-budget.js';
import { SpoolFolder } from '../spool-folder.service.js';

const KIB = 1024;
const never = new AbortController().signal;

describe('a spooled body on a real disk', () => {
  let path: string;
  let folder: SpoolFolder;

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'spooled-body-'));
    folder = new SpoolFolder({ path, limitBytes: 0 });
  });

  afterEach(() => rm(path, { recursive: true }));

  const onDisk = (memoryBytes = 100 * KIB) => bodyOn({ create: () => folder.create() }, memoryBytes);

  async function descriptors(): Promise<number> {
    return (await readdir('/proc/self/fd')).length;
  }

  /** What is left of a body that was disposed of: no file, no descriptor, no memory, no timer. */
  async function expectNothingLeft(budget: MemoryBudget, before: number): Promise<void> {
    expect(await readdir(path)).toEqual([]);
    expect(await descriptors()).toBeLessThanOrEqual(before);
    expect(folder.usage()).toMatchObject({ bytes: 0, files: 0 });
    expect(budget.usedBytes).toBe(0);
  }

  const states: [string, (body: SpooledBody) => Promise<unknown>][] = [
    ['nothing was written', () => Promise.resolve()],
    ['all is in memory', async (body) => body.write(Buffer.alloc(1000))],
    ['the file is being made', async (body) => body.write(Buffer.alloc(200 * KIB))],
    [
      'the file is being written',
      async (body) => {
        body.write(Buffer.alloc(200 * KIB));
        await body.whenWritable;
        body.write(Buffer.alloc(2000 * KIB));
      },
    ],
    [
      'all is written and ended',
      async (body) => {
        await writeAll(body, [Buffer.alloc(200 * KIB), Buffer.alloc(200 * KIB)]);
        body.end();
      },
    ],
    [
      'readers are open and one reads from the disk',
      async (body) => {
        body.open(0, never).read(0);
        await writeAll(body, [Buffer.alloc(800 * KIB), Buffer.alloc(800 * KIB)]);
        body.open(0, never).read(0);
        body.open(1600 * KIB, never).read(0);
      },
    ],
    [
      'a reader was destroyed while it reads from the disk',
      async (body) => {
        await writeAll(body, [Buffer.alloc(800 * KIB)]);
        const stream = body.open(0, never).resume();
        await turn();
        stream.destroy();
      },
    ],
    [
      'it has failed',
      async (body) => {
        await writeAll(body, [Buffer.alloc(800 * KIB)]);
        body.fail(new Error('bad upload'));
      },
    ],
  ];

  it.each(states)('leaves nothing behind when it is disposed of and %s', async (_, reach) => {
    const before = await descriptors();
    const { body, budget } = onDisk();
    await reach(body);
    await Promise.all([body.dispose(), body.dispose()]);
    await body.dispose();
    await expectNothingLeft(budget, before);
  });

  it('holds half a megabyte once it is on the disk, where it may hold more before', async () => {
    const { body, budget } = onDisk(2 * KIB * KIB);
    for (let index = 0; index < 32; index += 1) body.write(Buffer.alloc(64 * KIB));
    expect(body.whenWritable).toBeUndefined();
    expect(budget.usedBytes).toBe(2 * KIB * KIB);
    body.write(Buffer.alloc(64 * KIB));
    await body.whenWritable;
    expect(budget.usedBytes).toBeLessThanOrEqual(512 * KIB);
    await body.dispose();
  });

  it('keeps its file under its name until it is disposed of', async () => {
    const { body } = onDisk();
    await writeAll(body, [Buffer.alloc(200 * KIB)]);
    body.end();
    expect(await readdir(path)).toHaveLength(1);
    await body.dispose();
  });

  it('goes on without being replayable when the spool of the process is at its limit', async () => {
    folder = new SpoolFolder({ path, limitBytes: 300 * KIB });
    const before = await descriptors();
    const { body, budget, failures } = onDisk();
    const { all, chunks } = cut(Array.from({ length: 50 }, () => 32 * KIB));
    const bytes = collect(body.open(0, never));
    await writeAll(body, chunks);
    body.end();
    expect((await bytes).equals(all)).toBe(true);
    expect(failures.map(({ message }) => message)).toEqual(['SPOOL_FULL: The spool is at its limit.']);
    await body.dispose();
    await expectNothingLeft(budget, before);
  });
});
