import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { MemoryBudget } from '../memory-budget.js';
import { MemoryWindow } from './memory-window.js';
import { casesOf } from '../../../test/support/long-run.js';

const sizes = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 3_000, max: 20_000 }));
const steps = fc.array(
  fc.oneof(
    sizes.map((size) => ({ add: size })),
    fc.constant({ add: 0 }),
  ),
  { maxLength: 60 },
);

const PATTERN = Buffer.from(Array.from({ length: 65_521 }, (_, index) => (index * 31) % 251));

/** Other bytes at every position. */
function bytes(from: number, length: number): Buffer {
  const start = from % 20_011;
  return Buffer.from(PATTERN.subarray(start, start + length));
}

describe('a memory window', () => {
  it('gives at every position the bytes that were appended, until they are dropped', () => {
    fc.assert(
      fc.property(steps, (actions) => {
        const budget = new MemoryBudget(1);
        const window = new MemoryWindow(budget);
        let all = Buffer.alloc(0);
        for (const { add } of actions) {
          if (add === 0) window.dropFirst();
          else window.append(bytes(all.length, add));
          all = Buffer.concat([all, bytes(all.length, add)]);
          expect(window.end).toBe(all.length);
          expect(Buffer.concat(window.slicesFrom(window.start)).equals(all.subarray(window.start))).toBe(
            true,
          );
          expect(budget.usedBytes).toBe(window.heldBytes);
        }
        for (let position = window.start; position < window.end; position += 997) {
          const found = window.bytesAt(position) ?? Buffer.alloc(0);
          expect(found.length).toBeGreaterThan(0);
          expect(found.equals(all.subarray(position, position + found.length))).toBe(true);
          expect(Buffer.concat(window.slicesFrom(position)).equals(all.subarray(position))).toBe(true);
        }
        expect(window.bytesAt(window.start - 1)).toBeUndefined();
        expect(window.bytesAt(window.end)).toBeUndefined();
        window.clear();
        expect(budget.usedBytes).toBe(0);
      }),
      { numRuns: casesOf(200) },
    );
  });

  it('keeps large chunks without a copy', () => {
    const window = new MemoryWindow(new MemoryBudget(1));
    const chunk = Buffer.alloc(64 * 1024, 1);
    window.append(chunk);
    expect(window.bytesAt(0)?.buffer).toBe(chunk.buffer);
  });

  it('gathers tiny chunks, so that they do not cost many times their size', () => {
    const window = new MemoryWindow(new MemoryBudget(1));
    for (let index = 0; index < 100_000; index += 1) window.append(Buffer.from([index % 256]));
    expect(window.heldBytes).toBeLessThan(120_000);
    expect(window.slicesFrom(0).length).toBeLessThan(20);
  });

  it('leaves bytes that were handed out as they are when more come into the same page', () => {
    const window = new MemoryWindow(new MemoryBudget(1));
    for (const text of ['a', 'b', 'c']) window.append(Buffer.from(text));
    const before = window.bytesAt(1);
    window.append(Buffer.from('d'));
    expect(before?.toString()).toBe('bc');
    expect(window.bytesAt(1)?.toString()).toBe('bcd');
  });
});
