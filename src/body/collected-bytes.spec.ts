import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { CollectedBytes } from './collected-bytes.js';
import { MemoryBudget } from './memory-budget.js';

const MAX = 64 * 1024;

describe('collected bytes', () => {
  it.each([1, 7, 5_000, MAX])('are all that was added, in chunks of %d', (step) => {
    const bytes = randomBytes(MAX);
    const budget = new MemoryBudget(1_000_000);
    const collected = new CollectedBytes(budget, MAX);
    for (let at = 0; at < MAX; at += step) collected.add(bytes.subarray(at, at + step));
    expect(collected.bytes.equals(bytes)).toBe(true);
    expect(budget.usedBytes).toBe(MAX);
    collected.release();
    collected.release();
    expect(budget.usedBytes).toBe(0);
  });

  it('take no more memory than a few times their size, however small the chunks are', () => {
    const budget = new MemoryBudget(1_000_000);
    const collected = new CollectedBytes(budget, MAX);
    for (let count = 0; count < 5_000; count += 1) collected.add(Buffer.from('x'));
    expect(budget.usedBytes).toBeLessThanOrEqual(4 * 5_000);
    expect(collected.bytes.buffer.byteLength).toBe(budget.usedBytes);
  });

  it('take at once what is expected, and more where more comes', () => {
    const budget = new MemoryBudget(1_000_000);
    const collected = new CollectedBytes(budget, MAX, 10_000);
    expect(budget.usedBytes).toBe(10_000);
    collected.add(randomBytes(10_001));
    expect(collected.bytes).toHaveLength(10_001);
    const none = new CollectedBytes(budget, MAX, 0);
    none.add(randomBytes(3));
    expect(none.bytes).toHaveLength(3);
    expect(() => collected.add(randomBytes(MAX))).toThrow(RangeError);
  });
});
