import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import { MemoryBudget } from '../../body/memory-budget.js';
import { SegmentFile } from './segment-file.js';

describe('a file with bytes of an upload', () => {
  let folder: string;
  let path: string;
  let memory: MemoryBudget;
  let freed: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ingester-segment-'));
    path = join(folder, '1-0.seg');
    freed = 0;
    memory = new MemoryBudget(1_000_000, (bytes) => {
      freed += bytes;
    });
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const open = (size = 0): Promise<SegmentFile> =>
    SegmentFile.open(path, size, { memory, onWritten: () => undefined });

  it('has all bytes in their order, in pieces of any size, and lets go of each', async () => {
    const file = await open();
    const pieces = [1, 70_000, 3, 300_000, 5, 5, 5, 5, 5, 100].map((size) => randomBytes(size));
    for (const piece of pieces) {
      file.write(piece);
      await file.backPressure;
    }
    await file.flush();
    const all = Buffer.concat(pieces);
    expect(file.size).toBe(all.length);
    expect([memory.usedBytes, freed]).toEqual([0, all.length]);
    await file.close();
    expect((await readFile(path)).equals(all)).toBe(true);
  });

  it('gets what a client has sent that sends no more', async () => {
    const file = await open();
    file.write(randomBytes(10));
    await eventually(async () => expect((await stat(path)).size).toBe(10));
    file.write(randomBytes(20));
    await eventually(async () => expect((await stat(path)).size).toBe(30));
    await file.close();
  });

  it.each([
    ['alone', 0, 250_000],
    ['among ten', 9, 65_536],
  ])('lets no more wait for the disk than its share, %s', async (_who, others, mostBytes) => {
    for (let count = 0; count < others; count += 1) memory.join();
    const file = await open();
    let bytes = 0;
    while (!file.backPressure) {
      file.write(randomBytes(10_000));
      bytes += 10_000;
    }
    expect(bytes).toBeGreaterThan(mostBytes);
    expect(bytes).toBeLessThanOrEqual(mostBytes + 10_000);
    await file.flush();
    // It holds nothing, and takes from nobody's share.
    expect(memory.usedBytes).toBe(0);
    expect(memory.shareBytes).toBe(1_000_000 / Math.max(1, others));
    await file.close();
  });

  it('takes nothing once it is closed', async () => {
    const file = await open();
    file.write(randomBytes(10));
    await file.close();
    expect(() => file.write(randomBytes(10))).toThrow('could not be kept');
    expect((await stat(path)).size).toBe(10);
    expect(memory.usedBytes).toBe(0);
  });
});
