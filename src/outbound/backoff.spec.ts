import { describe, expect, it } from '@jest/globals';
import { backoffMs, type BackoffSettings, DEFAULT_BACKOFF, type Random } from './backoff.js';

/** The same sequence for the same seed (mulberry32). */
function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function delays(settings: Partial<BackoffSettings>, attempts: number, random: Random): number[] {
  return Array.from({ length: attempts }, (_, index) =>
    backoffMs({ ...DEFAULT_BACKOFF, ...settings }, index + 1, random),
  );
}

describe('backoffMs', () => {
  it.each([
    ['exponential', [1000, 2000, 4000, 8000, 10_000, 10_000]],
    ['linear', [1000, 2000, 3000, 4000, 5000, 6000]],
    ['constant', [1000, 1000, 1000, 1000, 1000, 1000]],
  ] as const)('grows %s up to the cap', (growth, expected) => {
    expect(delays({ growth, jitter: 'none' }, 6, Math.random)).toEqual(expected);
  });

  it('is exponential with full jitter from 1 s to 10 s by default', () => {
    expect(DEFAULT_BACKOFF).toEqual({
      growth: 'exponential',
      jitter: 'full',
      baseMs: 1000,
      maxMs: 10_000,
    });
    expect(delays({}, 5, () => 0)).toEqual([0, 0, 0, 0, 0]);
    expect(delays({}, 5, () => 1 - Number.EPSILON)).toEqual([1000, 2000, 4000, 8000, 10_000]);
  });

  it('spreads evenly over the whole delay', () => {
    const random = seeded(7);
    const first = Array.from({ length: 10_000 }, () => backoffMs(DEFAULT_BACKOFF, 1, random));
    const mean = first.reduce((sum, ms) => sum + ms, 0) / first.length;
    expect(mean).toBeGreaterThan(480);
    expect(mean).toBeLessThan(520);
    expect(Math.min(...first)).toBeLessThan(10);
    expect(Math.max(...first)).toBeGreaterThan(990);
    expect(first.every((ms) => Number.isInteger(ms) && ms >= 0 && ms <= 1000)).toBe(true);
  });

  it('gives the same delays for the same seed', () => {
    expect(delays({}, 20, seeded(1))).toEqual(delays({}, 20, seeded(1)));
    expect(delays({}, 20, seeded(1))).not.toEqual(delays({}, 20, seeded(2)));
  });

  it('stays a number however often it failed', () => {
    expect(backoffMs({ ...DEFAULT_BACKOFF, jitter: 'none' }, 100_000, Math.random)).toBe(10_000);
    expect(backoffMs({ ...DEFAULT_BACKOFF, jitter: 'none', baseMs: 0 }, 100_000, Math.random)).toBe(0);
  });
});
