import { beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_BACKOFF } from '../backoff.js';
import { Deadline } from '../deadline/deadline.js';
import type { FailureKind } from '../outcome.js';
import { RetryBudget } from './retry-budget.js';
import { type FailedCall, planRetry, type RetryDecision, type RetrySettings } from './retry-plan.js';

const broken: FailureKind = { verdict: 'failure', retry: 'again' };
const refused: FailureKind = { ...broken, nothingSent: true };
const full: FailureKind = { verdict: 'failure', retry: 'elsewhere' };
const wrong: FailureKind = { verdict: 'neutral', retry: 'never' };
const unauthorized: FailureKind = { verdict: 'neutral', retry: 'again', once: true };
const busyFor = (retryAfterMs: number): FailureKind => ({ verdict: 'neutral', retry: 'again', retryAfterMs });

describe('planRetry', () => {
  let nowMs: number;
  let budget: RetryBudget;

  beforeEach(() => {
    nowMs = 0;
    budget = new RetryBudget();
  });

  function plan(
    failures: readonly FailureKind[],
    call: Partial<FailedCall> & { leftMs?: number; settings?: Partial<RetrySettings> } = {},
  ): RetryDecision {
    const { leftMs = 60_000, settings, ...rest } = call;
    const clock = { monotonicMs: () => nowMs, wallMs: () => 0 };
    return planRetry(
      {
        failures,
        replayable: true,
        hasOtherTarget: false,
        signal: new AbortController().signal,
        deadline: Deadline.in(leftMs, clock),
        budget,
        ...rest,
      },
      { attempts: 3, backoff: { ...DEFAULT_BACKOFF, jitter: 'none' }, ...settings },
      () => 0.5,
    );
  }

  describe('waits before the same target', () => {
    it('longer with every failure, and stops after three attempts in all', () => {
      expect(plan([broken])).toEqual({ kind: 'retry', where: 'same', delayMs: 1000 });
      expect(plan([broken, broken])).toEqual({ kind: 'retry', where: 'same', delayMs: 2000 });
      expect(plan([broken, broken, broken])).toEqual({ kind: 'stop', reason: 'attempts' });
    });

    it('with the jitter that it is given', () => {
      expect(plan([broken], { settings: { backoff: DEFAULT_BACKOFF } })).toMatchObject({ delayMs: 500 });
    });

    it('as long as it asks for, where that is longer', () => {
      expect(plan([busyFor(5000)])).toMatchObject({ kind: 'retry', delayMs: 5000 });
      expect(plan([busyFor(10)])).toMatchObject({ kind: 'retry', delayMs: 1000 });
    });

    it('up to the longest delay, and not at all where it asks for more: the wait would be in vain', () => {
      expect(plan([busyFor(10_000)])).toMatchObject({ kind: 'retry', delayMs: 10_000 });
      expect(plan([busyFor(10_001)])).toEqual({ kind: 'stop', reason: 'predicate' });
      expect(budget.tokens).toBe(9);
    });

    it('no longer than by back-off where another can be tried once more meanwhile', () => {
      const call = { hasEarlierTarget: true };
      expect(plan([broken, busyFor(3_600_000)], call)).toMatchObject({ kind: 'retry', delayMs: 2000 });
      expect(plan([broken, busyFor(5000)], { ...call, leftMs: 4000 })).toMatchObject({ delayMs: 2000 });
    });

    it('not at all where the deadline would pass meanwhile', () => {
      expect(plan([broken], { leftMs: 1001 })).toMatchObject({ kind: 'retry' });
      expect(plan([broken], { leftMs: 1000 })).toEqual({ kind: 'stop', reason: 'deadline' });
      expect(plan([busyFor(5000)], { leftMs: 4000 })).toEqual({ kind: 'stop', reason: 'deadline' });
      expect(budget.tokens).toBe(9);
    });
  });

  describe('goes to another target', () => {
    it.each([
      ['that failed', broken],
      ['that is full', full],
      ['that asked to wait', busyFor(5000)],
    ])('without waiting for the one %s', (_what, failure) => {
      expect(plan([failure], { hasOtherTarget: true })).toEqual({ kind: 'retry', where: 'next', delayMs: 0 });
    });

    it('without a price, also where the budget is empty', () => {
      const empty = new RetryBudget({ tokens: 0, perSuccess: 0 });
      expect(plan([broken], { hasOtherTarget: true, budget: empty })).toMatchObject({ where: 'next' });
      plan([broken], { hasOtherTarget: true });
      expect(budget.tokens).toBe(10);
    });

    it('but not beyond its attempts', () => {
      expect(plan([full, full, full], { hasOtherTarget: true })).toEqual({
        kind: 'stop',
        reason: 'attempts',
      });
    });
  });

  describe('stops', () => {
    it.each([false, true])('when no try can help (other target: %p)', (hasOtherTarget) => {
      expect(plan([wrong], { hasOtherTarget })).toEqual({ kind: 'stop', reason: 'predicate' });
    });

    it('when only another target can help and there is none', () => {
      expect(plan([full])).toEqual({ kind: 'stop', reason: 'predicate' });
    });

    it('when its circuit is open, without a price, unless there is another', () => {
      expect(plan([broken], { isUnavailable: true })).toEqual({ kind: 'stop', reason: 'shut' });
      expect(plan([busyFor(500)], { isUnavailable: true })).toEqual({ kind: 'stop', reason: 'shut' });
      expect(budget.tokens).toBe(10);
      expect(plan([broken], { isUnavailable: true, hasOtherTarget: true })).toMatchObject({ where: 'next' });
      const after = plan([broken, broken], { isUnavailable: true, hasEarlierTarget: true });
      expect(after).toMatchObject({ kind: 'retry', delayMs: 2000 });
    });

    it('when the settings do not want it', () => {
      const settings = { retryIf: ({ nothingSent = false }: FailureKind) => nothingSent };
      expect(plan([broken], { settings })).toEqual({ kind: 'stop', reason: 'predicate' });
      expect(plan([refused], { settings })).toMatchObject({ kind: 'retry' });
    });

    it('when what can be cured once came twice', () => {
      expect(plan([unauthorized])).toMatchObject({ kind: 'retry' });
      expect(plan([broken, unauthorized])).toMatchObject({ kind: 'retry' });
      expect(plan([unauthorized, unauthorized])).toEqual({ kind: 'stop', reason: 'predicate' });
      expect(plan([unauthorized, broken])).toMatchObject({ kind: 'retry' });
    });

    it('when the request cannot be sent again, unless nothing of it was sent', () => {
      expect(plan([broken], { replayable: false })).toEqual({ kind: 'stop', reason: 'not_replayable' });
      expect(plan([refused], { replayable: false })).toMatchObject({ kind: 'retry' });
    });

    it('when the budget of the target is used up', () => {
      for (let retry = 0; retry < 10; retry += 1) expect(plan([broken])).toMatchObject({ kind: 'retry' });
      expect(plan([broken])).toEqual({ kind: 'stop', reason: 'budget' });
      expect(plan([refused])).toMatchObject({ kind: 'retry' });
      for (let success = 0; success < 10; success += 1) budget.succeeded();
      expect(plan([broken])).toMatchObject({ kind: 'retry' });
    });

    it('when nobody waits for the call any more', () => {
      const signal = AbortSignal.abort(new Error('gone'));
      expect(plan([broken], { signal, hasOtherTarget: true })).toEqual({ kind: 'stop', reason: 'aborted' });
    });

    it('when nobody waits for another attempt', () => {
      const abandoned = AbortSignal.abort(new Error('gone'));
      expect(plan([broken], { abandoned, hasOtherTarget: true })).toEqual({
        kind: 'stop',
        reason: 'aborted',
      });
    });

    it('when its deadline has passed, and names that rather than the abort that follows from it', () => {
      const signal = AbortSignal.abort(new Error('deadline'));
      expect(plan([broken], { signal, leftMs: 0, hasOtherTarget: true })).toEqual({
        kind: 'stop',
        reason: 'deadline',
      });
    });
  });

  it('takes nothing from the budget when it stops', () => {
    plan([broken, broken, broken]);
    plan([wrong]);
    plan([broken], { replayable: false });
    plan([broken], { leftMs: 1 });
    expect(budget.tokens).toBe(10);
  });

  it('has nothing to decide on before a failure', () => {
    expect(() => plan([])).toThrow(TypeError);
  });
});
