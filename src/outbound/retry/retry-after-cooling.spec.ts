import { beforeEach, describe, expect, it } from '@jest/globals';
import { BUSY } from '../failures/failure-kinds.js';
import type { FailureKind } from '../outcome.js';
import { RetryAfterCooling } from './retry-after-cooling.js';

const busyFor = (retryAfterMs?: number): FailureKind => ({ ...BUSY, retryAfterMs });

const WALL_MS = Date.parse('2026-11-20T10:00:00Z');

describe('RetryAfterCooling', () => {
  let nowMs: number;
  let cooling: RetryAfterCooling;

  beforeEach(() => {
    nowMs = 1000;
    cooling = new RetryAfterCooling({ monotonicMs: () => nowMs, wallMs: () => nowMs + WALL_MS });
  });

  it('leaves a target alone for the time that it asks for', () => {
    expect(cooling.remainingMs).toBe(0);
    expect(cooling.failed(busyFor(5000))).toEqual(busyFor(5000));
    expect(cooling.remainingMs).toBe(5000);
    nowMs += 4999;
    expect(cooling.remainingMs).toBe(1);
    nowMs += 1;
    expect(cooling.remainingMs).toBe(0);
  });

  it('says until when, which the shorter rest that another call was asked for does not change', () => {
    expect(cooling.untilWallMs).toBeUndefined();
    cooling.failed(busyFor(5000));
    nowMs += 1000;
    cooling.failed(busyFor(100));
    expect(cooling.untilWallMs).toBe(WALL_MS + 6000);
    nowMs += 4000;
    expect(cooling.untilWallMs).toBeUndefined();
  });

  it('leaves nobody alone any more when it is ended, and begins anew', () => {
    cooling.failed(busyFor(5000));
    cooling.end();
    expect([cooling.remainingMs, cooling.untilWallMs]).toEqual([0, undefined]);
    nowMs += 5000;
    expect(cooling.failed(busyFor(5000))).toMatchObject({ verdict: 'neutral' });
    expect(cooling.remainingMs).toBe(5000);
  });

  it('counts a failure when it asks again after that time', () => {
    cooling.failed(busyFor(5000));
    nowMs += 5000;
    expect(cooling.failed(busyFor(5000))).toEqual({ ...busyFor(5000), verdict: 'failure' });
    nowMs += 5000;
    expect(cooling.failed(busyFor(5000))).toMatchObject({ verdict: 'failure' });
  });

  it('counts none for calls that were under way when it asked first', () => {
    cooling.failed(busyFor(5000));
    nowMs += 10;
    expect(cooling.failed(busyFor(5000))).toMatchObject({ verdict: 'neutral' });
    expect(cooling.remainingMs).toBe(5000);
    expect(cooling.failed(busyFor(1))).toMatchObject({ verdict: 'neutral' });
    expect(cooling.remainingMs).toBe(5000);
  });

  it('counts none when it has served something since', () => {
    cooling.failed(busyFor(5000));
    nowMs += 5000;
    cooling.succeeded();
    expect(cooling.failed(busyFor(5000))).toMatchObject({ verdict: 'neutral' });
  });

  it('counts a failure a second where it asks again and again without saying for how long', () => {
    const verdicts = Array.from({ length: 31 }, () => {
      const { verdict } = cooling.failed(busyFor());
      nowMs += 100;
      return verdict;
    });
    expect(cooling.remainingMs).toBe(0);
    const failures = verdicts.flatMap((verdict, index) => (verdict === 'failure' ? [index] : []));
    expect(failures).toEqual([10, 20, 30]);
  });

  it('believes nobody for longer than five minutes', () => {
    cooling.failed(busyFor(86_400_000));
    expect(cooling.remainingMs).toBe(300_000);
  });

  it('has nothing to do with other failures', () => {
    const broken: FailureKind = { verdict: 'failure', retry: 'again' };
    expect(cooling.failed(broken)).toBe(broken);
    expect(cooling.remainingMs).toBe(0);
  });
});
