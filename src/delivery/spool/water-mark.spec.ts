import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { WaterMark } from './water-mark.js';

describe('a water mark', () => {
  it('is open below the high mark', () => {
    const mark = new WaterMark(100, 80);
    expect([0, 81, 99].map((level) => mark.isShut(level))).toEqual([false, false, false]);
  });

  it('is shut from the high mark on until the level is at the low mark', () => {
    const mark = new WaterMark(100, 80);
    expect([100, 99, 81].map((level) => mark.isShut(level))).toEqual([true, true, true]);
    expect([80, 99].map((level) => mark.isShut(level))).toEqual([false, false]);
  });

  it('is always shut when the level is high, and always open when it is low', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { minLength: 1 }), (levels) => {
        const mark = new WaterMark(100, 80);
        const seen = levels.map((level) => ({ level, isShut: mark.isShut(level) }));
        expect(seen.filter(({ level, isShut }) => level >= 100 && !isShut)).toEqual([]);
        expect(seen.filter(({ level, isShut }) => level <= 80 && isShut)).toEqual([]);
      }),
    );
  });
});
