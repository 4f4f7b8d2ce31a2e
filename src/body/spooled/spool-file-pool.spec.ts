import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { fstatSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SpareFile, SpoolFilePool } from './spool-file-pool.js';

describe('spare files', () => {
  let folder: string;
  let now: number;
  let problems: unknown[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spare-files-'));
    now = 1_000;
    problems = [];
  });

  afterEach(async () => {
    jest.useRealTimers();
    await rm(folder, { recursive: true });
  });

  function spares(limitBytes: number): SpoolFilePool {
    return new SpoolFilePool({
      limitBytes,
      clock: { monotonicMs: () => now, wallMs: () => 0 },
      onProblems: (found) => problems.push(...found),
    });
  }

  async function fileOf(size: number, name = String(size)): Promise<SpareFile> {
    const path = join(folder, name);
    await writeFile(path, Buffer.alloc(size));
    return { descriptor: openSync(path, 'r+'), path, size };
  }

  function expectClosed({ descriptor }: SpareFile): void {
    expect(() => fstatSync(descriptor)).toThrow('EBADF');
  }

  it('are given away again, the largest first of those that are not far too large', async () => {
    const kept = spares(1_000);
    const [small, middle, large] = await Promise.all([fileOf(10), fileOf(100), fileOf(300)]);
    for (const file of [small, middle, large]) expect(await kept.offer(file)).toBe(true);
    expect(kept.bytes).toBe(410);
    expect(kept.take(149)).toBe(middle);
    expect(kept.take(4)).toBeUndefined();
    expect(kept.take(150)).toBe(large);
    expect(kept.bytes).toBe(10);
    await kept.clear();
  });

  it('are not more bytes than their limit, and none where it is 0', async () => {
    const kept = spares(150);
    const [one, other] = await Promise.all([fileOf(100), fileOf(60)]);
    expect(await kept.offer(one)).toBe(true);
    expect(await kept.offer(other)).toBe(false);
    expect(await spares(0).offer(other)).toBe(false);
    expect(() => fstatSync(other.descriptor)).not.toThrow();
    await kept.clear();
  });

  it('are not more bytes than their limit when they are offered at once', async () => {
    const kept = spares(250);
    const files = await Promise.all(['a', 'b', 'c', 'd'].map((name) => fileOf(100, name)));
    const taken = await Promise.all(files.map((file) => kept.offer(file)));
    expect(taken.filter(Boolean)).toHaveLength(2);
    expect(kept.bytes).toBe(200);
    await kept.clear();
  });

  it('are not so many that descriptors run out', async () => {
    const kept = spares(1_000);
    for (let index = 0; index < 16; index += 1) {
      expect(await kept.offer(await fileOf(1, String(index)))).toBe(true);
    }
    expect(await kept.offer(await fileOf(1, 'one more'))).toBe(false);
    await kept.clear();
  });

  it('are none that are empty, or on a disk that cannot be asked', async () => {
    const kept = spares(1_000);
    expect(await kept.offer(await fileOf(0))).toBe(false);
    expect(await kept.offer({ descriptor: 0, path: join(folder, 'no', 'folder'), size: 1 })).toBe(false);
  });

  it('are removed and closed when they are cleared', async () => {
    const kept = spares(1_000);
    const files = await Promise.all([fileOf(10), fileOf(100)]);
    for (const file of files) await kept.offer(file);
    const cleared = kept.clear();
    expect(kept.bytes).toBe(0);
    await cleared;
    expect(await readdir(folder)).toEqual([]);
    files.forEach(expectClosed);
    expect(problems).toEqual([]);
  });

  it('are no more once they are closed', async () => {
    const kept = spares(1_000);
    const offered = fileOf(10).then(async (file) => kept.offer(file));
    await kept.close();
    expect(await offered).toBe(false);
    expect(kept.bytes).toBe(0);
  });

  it('tell of a name that could not be removed', async () => {
    const kept = spares(1_000);
    const file = await fileOf(10);
    await kept.offer(file);
    await rm(file.path);
    await mkdir(file.path);
    await kept.clear();
    expectClosed(file);
    expect(problems).toHaveLength(1);
  });

  it('wait for twenty seconds, with a timer only while there are any', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const kept = spares(1_000);
    const [early, late] = await Promise.all([fileOf(10), fileOf(100)]);
    await kept.offer(early);
    now += 15_000;
    await kept.offer(late);
    expect(jest.getTimerCount()).toBe(1);
    now += 4_999;
    await jest.advanceTimersByTimeAsync(2_500);
    expect(kept.bytes).toBe(110);
    now += 1;
    await jest.advanceTimersByTimeAsync(2_500);
    expect(kept.bytes).toBe(100);
    expect(kept.take(100)).toBe(late);
    expect(jest.getTimerCount()).toBe(0);
    while ((await readdir(folder)).length > 1);
    expectClosed(early);
    expect(() => fstatSync(late.descriptor)).not.toThrow();
  });
});
