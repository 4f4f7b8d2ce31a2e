import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { AttemptOutcome } from './attempt-outcome.js';
import { type NextStep, nextStep, type RetryLimits, SETTLE_MS, type TaskHistory } from './next-step.js';
import { casesOf } from '../../../test/support/long-run.js';

const LIMITS: RetryLimits = { maxAttempts: 3, baseMs: 1_000, maxMs: 60_000 };
const NOW = 1_000_000;
const FRESH: TaskHistory = { attempts: 0, deadlineMs: NOW + 3_600_000, doubtful: false, nowMs: NOW };
const longest = (): number => 0.999_999;
const shortest = (): number => 0;

const outcome: fc.Arbitrary<AttemptOutcome> = fc.oneof(
  fc.constantFrom<AttemptOutcome>(
    { kind: 'succeeded' },
    { kind: 'cancelled' },
    { kind: 'interrupted' },
    { kind: 'failed', reason: 'STORAGE_FAILED' },
    { kind: 'refused', reason: 'CONFLICT' },
  ),
  fc.record({
    kind: fc.constant('deferred' as const),
    reason: fc.constant('NO_STORAGE_AVAILABLE' as const),
    retryAfterMs: fc.option(fc.nat(10_000_000), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant('in_doubt' as const),
    retryAfterMs: fc.option(fc.nat(10_000_000), { nil: undefined }),
  }),
);
const history: fc.Arbitrary<TaskHistory> = fc.record({
  attempts: fc.nat(2),
  deadlineMs: fc.integer({ min: 0, max: 2 * NOW }),
  doubtful: fc.boolean(),
  nowMs: fc.constant(NOW),
});
const random = fc.double({ min: 0, max: 0.999_999, noNaN: true }).map((value) => () => value);

describe('the step after a try', () => {
  it('finishes and cancels as the try ended', () => {
    expect(nextStep({ kind: 'succeeded' }, FRESH, LIMITS, longest)).toEqual({ kind: 'finish' });
    expect(nextStep({ kind: 'cancelled' }, FRESH, LIMITS, longest)).toEqual({ kind: 'cancel' });
  });

  it('waits longer after each failure, up to the cap', () => {
    const waits = [0, 1].map((attempts) =>
      nextStep({ kind: 'failed', reason: 'STORAGE_FAILED' }, { ...FRESH, attempts }, LIMITS, longest),
    );
    expect(waits).toEqual([
      { kind: 'wait', attempts: 1, delayMs: 1_000, reason: 'STORAGE_FAILED' },
      { kind: 'wait', attempts: 2, delayMs: 2_000, reason: 'STORAGE_FAILED' },
    ]);
    const late = nextStep(
      { kind: 'failed', reason: 'STORAGE_FAILED' },
      { ...FRESH, attempts: 18 },
      { ...LIMITS, maxAttempts: 20 },
      longest,
    );
    expect(late).toMatchObject({ delayMs: 60_000 });
  });

  it('is death after the last attempt, and at once where no try can help', () => {
    expect(
      nextStep({ kind: 'failed', reason: 'STORAGE_FAILED' }, { ...FRESH, attempts: 2 }, LIMITS, longest),
    ).toEqual({ kind: 'die', attempts: 3, reason: 'STORAGE_FAILED' });
    expect(nextStep({ kind: 'refused', reason: 'CONFLICT' }, FRESH, LIMITS, longest)).toEqual({
      kind: 'die',
      attempts: 1,
      reason: 'CONFLICT',
    });
  });

  it('waits for an open circuit without counting', () => {
    expect(
      nextStep(
        { kind: 'deferred', reason: 'NO_STORAGE_AVAILABLE', retryAfterMs: 30_000 },
        FRESH,
        LIMITS,
        shortest,
      ),
    ).toEqual({ kind: 'wait', attempts: 0, delayMs: 30_000, reason: 'NO_STORAGE_AVAILABLE' });
  });

  it('asks in doubt no later than when the answer is believed, however often was tried', () => {
    const late = { ...FRESH, attempts: 2 };
    expect(nextStep({ kind: 'in_doubt', withinMs: 1_500 }, late, LIMITS, longest)).toMatchObject({
      kind: 'wait',
      attempts: 2,
      delayMs: 1_500,
    });
  });

  it('gives a doubtful target time to settle', () => {
    expect(nextStep({ kind: 'in_doubt' }, { ...FRESH, doubtful: true }, LIMITS, shortest)).toEqual({
      kind: 'wait',
      attempts: 0,
      delayMs: SETTLE_MS,
      reason: 'in_doubt',
    });
  });

  it('is death in doubt when the task has grown too old', () => {
    expect(nextStep({ kind: 'in_doubt' }, { ...FRESH, deadlineMs: NOW }, LIMITS, longest)).toEqual({
      kind: 'die',
      attempts: 0,
      reason: 'in_doubt',
    });
  });

  it('never puts a task off into the past, and beyond its deadline only to settle what was interrupted', () => {
    fc.assert(
      fc.property(outcome, history, random, (ended, past, dice) => {
        const step = nextStep(ended, past, LIMITS, dice);
        if (step.kind !== 'wait') return;
        expect(step.delayMs).toBeGreaterThanOrEqual(0);
        if (ended.kind !== 'interrupted') expect(NOW + step.delayMs).toBeLessThanOrEqual(past.deadlineMs);
      }),
    );
  });

  it('counts an attempt only where something failed, and never more than the limit', () => {
    fc.assert(
      fc.property(outcome, history, random, (ended, past, dice) => {
        const step = nextStep(ended, past, LIMITS, dice);
        if (step.kind !== 'wait' && step.kind !== 'die') return;
        const counts = ended.kind === 'failed' || ended.kind === 'refused';
        expect(step.attempts).toBe(past.attempts + (counts ? 1 : 0));
        expect(step.attempts).toBeLessThanOrEqual(LIMITS.maxAttempts);
      }),
    );
  });

  it('ends: a task that fails for ever is dead after the attempts, one that is put off for ever by its deadline', () => {
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 1, maxLength: 5 }), random, (ends, dice) => {
        const forEver = ends.filter(({ kind }) => !['succeeded', 'cancelled', 'interrupted'].includes(kind));
        fc.pre(forEver.length > 0);
        expect(lastStep(forEver, dice)).toBe('die');
      }),
      { numRuns: casesOf(50) },
    );
  });
});

/** What a task comes to that ends in these ways by turns. */
function lastStep(ends: readonly AttemptOutcome[], dice: () => number): NextStep['kind'] {
  const past = { ...FRESH, doubtful: true };
  for (let round = 0; round < 10_000; round += 1) {
    const step = nextStep(ends[round % ends.length] ?? { kind: 'interrupted' }, past, LIMITS, dice);
    if (step.kind !== 'wait') return step.kind;
    past.attempts = step.attempts;
    past.nowMs += step.delayMs;
  }
  return 'wait';
}
