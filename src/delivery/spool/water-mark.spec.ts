import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { WaterMark } from './water-mark.js';

describe('a water mark', () => {
  it('takes what stays within the high mark', () => {
    const mark = new WaterMark(100, 80);
    expect([mark.takes(0, 100), mark.takes(90, 10), mark.takes(100, 0)]).toEqual([true, true, true]);
  });

  it('stays shut, once something was refused, until the level is at the low mark', () => {
    const mark = new WaterMark(100, 80);
    expect(mark.takes(95, 10)).toBe(false);
    expect([mark.takes(95, 1), mark.takes(81, 1)]).toEqual([false, false]);
    expect([mark.takes(80, 1), mark.takes(95, 1)]).toEqual([true, true]);
  });

  it('refuses only what is too large while the level is low', () => {
    const mark = new WaterMark(100, 80);
    expect(mark.takes(10, 95)).toBe(false);
    expect(mark.takes(10, 50)).toBe(true);
  });

  it('never lets the level rise above the high mark, and opens again whenever it is low', () => {
    const steps = fc.array(fc.record({ more: fc.nat(60), less: fc.nat(60) }), { minLength: 1 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        steps,
        (high, part, all) => {
          const mark = new WaterMark(high, high * part);
          let level = 0;
          for (const { more, less } of all) {
            if (mark.takes(level, more)) level += more;
            expect(level).toBeLessThanOrEqual(high);
            level = Math.max(0, level - less);
            if (level <= high * part) expect(mark.takes(level, 0)).toBe(true);
          }
        },
      ),
    );
  });
});
