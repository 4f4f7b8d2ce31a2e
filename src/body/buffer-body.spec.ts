import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { collect } from '../../test/support/spooled-bodies.js';
import { BufferBody } from './buffer-body.js';
import { CollectedBytes } from './collected-bytes.js';
import { MemoryBudget } from './memory-budget.js';
import { SpoolFolder } from './spool-folder.service.js';

const never = new AbortController().signal;

describe('a body that is here whole', () => {
  let spool: string;
  let kept: string;
  let folder: SpoolFolder;
  let budget: MemoryBudget;

  beforeEach(async () => {
    spool = await mkdtemp(join(tmpdir(), 'buffer-body-'));
    await mkdir(join(spool, 'kept'));
    kept = join(spool, 'kept', 'a.upload');
    folder = new SpoolFolder({ path: spool, limitBytes: 0 });
    budget = new MemoryBudget(1_000_000);
  });

  afterEach(() => rm(spool, { recursive: true }));

  const collected = (bytes: Buffer): CollectedBytes => {
    const all = new CollectedBytes(budget, 64 * 1024, bytes.length);
    all.add(bytes);
    return all;
  };
  const hold = (bytes: Buffer): BufferBody =>
    new BufferBody(collected(bytes), { budget, createFile: () => folder.create() });
  const left = async (): Promise<string[]> => (await readdir(spool)).filter((name) => name !== 'kept');
  const descriptors = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

  it.each([0, 1, 60_000])(
    'of %d bytes is read as often as is wanted, from anywhere, side by side',
    async (size) => {
      const bytes = randomBytes(size);
      const body = hold(bytes);
      const offsets = [0, 0, Math.floor(size / 2), size];
      const read = await Promise.all(offsets.map((offset) => collect(body.open(offset, never))));
      expect(read.map((each, index) => each.equals(bytes.subarray(offsets[index])))).toEqual([
        true,
        true,
        true,
        true,
      ]);
      expect([body.length, body.committedBytes(), body.replayable]).toEqual([size, size, true]);
      for (const offset of [-1, size + 1, 0.5]) expect(() => body.open(offset, never)).toThrow(RangeError);
      await body.dispose();
    },
  );

  it('counts as memory of all bodies until it is disposed of', async () => {
    const body = hold(randomBytes(50_000));
    expect(budget.usedBytes).toBe(50_000);
    await body.dispose();
    await body.dispose();
    expect(budget.usedBytes).toBe(0);
  });

  it('ends a reader with the reason of its signal, and leaves others alone', async () => {
    const bytes = randomBytes(60_000);
    const body = hold(bytes);
    const aborted = new AbortController();
    const first = collect(body.open(0, aborted.signal));
    aborted.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    expect((await collect(body.open(0, never))).equals(bytes)).toBe(true);
    await body.dispose();
  });

  it('fails readers, now and later, with what it failed with', async () => {
    const body = hold(randomBytes(60_000));
    const open = body.open(0, never);
    body.fail(new Error('over'));
    body.fail(new Error('not this one'));
    await expect(collect(open)).rejects.toThrow('over');
    await expect(collect(body.open(0, never))).rejects.toThrow('over');
    expect(body.replayable).toBe(false);
    await expect(body.persist(kept)).rejects.toThrow('over');
    await body.dispose();
    expect(await left()).toEqual([]);
  });

  it.each([0, 60_000])(
    'of %d bytes is kept once, durably, and stays when it is disposed of',
    async (size) => {
      const before = await descriptors();
      const bytes = randomBytes(size);
      const body = hold(bytes);
      const named: boolean[] = [];
      const onNamed = async (): Promise<void> => void named.push((await readFile(kept)).equals(bytes));
      await Promise.all([body.persist(kept, onNamed), body.persist(kept, onNamed)]);
      await body.dispose();
      expect(named).toEqual([true]);
      expect((await readFile(kept)).equals(bytes)).toBe(true);
      expect((await stat(kept)).mode & 0o777).toBe(0o600);
      expect([await left(), folder.usage().files, await descriptors()]).toEqual([[], 0, before]);
    },
  );

  it('leaves nothing behind where it cannot be kept, and says why', async () => {
    const before = await descriptors();
    const body = hold(randomBytes(1_000));
    const keeping = body.persist(join(spool, 'nowhere', 'a.upload'));
    await expect(keeping).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    await body.dispose();
    const full = new BufferBody(collected(randomBytes(1_000)), {
      budget,
      createFile: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
    });
    await expect(full.persist(kept)).rejects.toMatchObject({ code: 'SPOOL_FULL' });
    await full.dispose();
    expect([await left(), await descriptors()]).toEqual([[], before]);
  });
});
