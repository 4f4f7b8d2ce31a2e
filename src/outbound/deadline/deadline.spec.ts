import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../../timing/clock.js';
import { Deadline, totalTimeMs } from './deadline.js';

const KIB = 1024;
const GIB = 1024 ** 3;
const settings = { baseMs: 60_000, minBytesPerSecond: 64 * KIB, maxMs: 3_600_000 };

describe('totalTimeMs', () => {
  it.each([
    [0, 60_000],
    [64 * KIB, 61_000],
    [6400 * KIB, 160_000],
    [10 * GIB, 3_600_000],
    [undefined, 3_600_000],
  ])('gives a call of %p bytes %d ms', (bytes, ms) => {
    expect(totalTimeMs(bytes, settings)).toBe(ms);
  });

  it('gives more than the cap to nobody, also when the base is larger', () => {
    expect(totalTimeMs(0, { ...settings, maxMs: 1000 })).toBe(1000);
  });
});

describe('Deadline', () => {
  const clock = { monotonicMs: () => nowMs, wallMs: () => wallMs } satisfies Clock;
  let nowMs = 500;
  let wallMs = 0;

  it('stands still while time passes, and does not come back', () => {
    nowMs = 500;
    const deadline = Deadline.in(1000, clock);
    expect(deadline).toMatchObject({ atMs: 1500, remainingMs: 1000, hasPassed: false });
    nowMs = 1499.5;
    expect(deadline).toMatchObject({ atMs: 1500, remainingMs: 0.5, hasPassed: false });
    nowMs = 1500;
    expect(deadline).toMatchObject({ remainingMs: 0, hasPassed: true });
    nowMs = 10_000;
    expect(deadline).toMatchObject({ remainingMs: 0, hasPassed: true });
  });

  it('does not move with the wall clock', () => {
    nowMs = 0;
    const deadline = Deadline.in(1000, clock);
    wallMs = 1e12;
    expect(deadline.remainingMs).toBe(1000);
  });
});
