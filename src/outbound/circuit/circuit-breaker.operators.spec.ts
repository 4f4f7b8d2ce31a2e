import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { type CallOutcome, CircuitListeners } from './circuit-listeners.js';
import { DEFAULT_CIRCUIT_SETTINGS } from './circuit-settings.js';
import type { CircuitTransition } from './circuit-state.js';

const HANDS = { reason: 'disk is being changed', by: 'alice' };

describe('CircuitBreaker, for those who operate and watch it', () => {
  let clock: ManualClock;
  let listeners: CircuitListeners;
  let errors: Error[];
  let breaker: CircuitBreaker;

  beforeEach(() => {
    clock = new ManualClock();
    errors = [];
    listeners = new CircuitListeners((error) => errors.push(error));
    breaker = newBreaker();
  });

  function newBreaker(): CircuitBreaker {
    return new CircuitBreaker('se-01', {
      settings: DEFAULT_CIRCUIT_SETTINGS,
      clock,
      listeners,
      random: () => 0.5,
    });
  }

  function settle(...verdicts: ('success' | 'failure' | 'release')[]): void {
    for (const verdict of verdicts) {
      const answer = breaker.tryAcquire();
      if (answer.admitted) answer[verdict]();
    }
  }

  const FIVE_FAILURES = Array.from({ length: 5 }, () => 'failure' as const);

  describe('line 6: forced open and reset', () => {
    it('stays open until it is reset when no time is given', () => {
      breaker.forceOpen(HANDS);
      clock.pass(365 * 86_400_000);
      expect(breaker.tryAcquire()).toEqual({ admitted: false, state: 'open', retryAfterMs: 30_000 });
      expect(breaker.report()).toMatchObject({
        state: 'open',
        opened_at: '2026-11-20T10:00:00.000Z',
        retry_at: null,
        forced: { ...HANDS, until: null },
      });
      breaker.reset({ by: 'bob' });
      expect(breaker.report()).toMatchObject({ state: 'closed', opened_at: null });
      expect(breaker.report()).not.toHaveProperty('forced');
      expect(breaker.tryAcquire().admitted).toBe(true);
    });

    it('admits probes once the time that was given is over', () => {
      breaker.forceOpen({ ...HANDS, ttlMs: 90_000 });
      expect(breaker.report()).toMatchObject({
        retry_at: '2026-11-20T10:01:30.000Z',
        forced: { ...HANDS, until: '2026-11-20T10:01:30.000Z' },
      });
      // It may be reset before: who waits asks again as if it had opened by itself.
      expect(breaker.tryAcquire()).toMatchObject({ admitted: false, retryAfterMs: 30_000 });
      clock.pass(89_999);
      expect(breaker.tryAcquire()).toMatchObject({ admitted: false, retryAfterMs: 1 });
      clock.pass(1);
      expect(breaker.state).toBe('half_open');
      settle('success', 'success');
      expect(breaker.state).toBe('closed');
    });

    it.each([0, -1, Number.NaN, Infinity])('refuses to force for %p ms', (ttlMs) => {
      expect(() => breaker.forceOpen({ ...HANDS, ttlMs })).toThrow('ttlMs must be a number above 0');
      expect(breaker.state).toBe('closed');
    });

    it('begin a new generation, so that calls under way change nothing any more', () => {
      const before = breaker.tryAcquire(3_600_000);
      breaker.forceOpen({ ...HANDS, ttlMs: 1 });
      clock.pass(1);
      const probe = breaker.tryAcquire(3_600_000);
      breaker.reset({ by: 'bob' });
      if (!before.admitted || !probe.admitted) throw new Error('rejected');
      before.failure();
      probe.failure();
      expect(breaker.report()).toMatchObject({ state: 'closed', failure_count: 0, consecutive_failures: 2 });
    });

    it('each count as a change of state, also when the state is the same, and say who did it', () => {
      const heard: CircuitTransition[] = [];
      listeners.onTransition((transition) => heard.push(transition));
      breaker.reset({ by: 'bob', reason: 'to be sure' });
      breaker.forceOpen(HANDS);
      breaker.forceOpen({ by: 'carol', reason: 'for longer' });
      expect(breaker.report()).toMatchObject({
        state_changes: 3,
        forced: { by: 'carol', reason: 'for longer' },
      });
      expect(heard).toMatchObject([
        { name: 'se-01', from: 'closed', to: 'closed', cause: 'reset', by: 'bob', reason: 'to be sure' },
        { name: 'se-01', from: 'closed', to: 'open', cause: 'forced', ...HANDS },
        { name: 'se-01', from: 'open', to: 'open', cause: 'forced', by: 'carol', reason: 'for longer' },
      ]);
    });

    it('one failure opens it where its target fails elsewhere, and nothing of that closes it', () => {
      let failsElsewhere = false;
      const heard: CircuitTransition[] = [];
      listeners.onTransition((transition) => heard.push(transition));
      breaker = new CircuitBreaker('se-01', {
        settings: DEFAULT_CIRCUIT_SETTINGS,
        clock,
        listeners,
        failsElsewhere: () => failsElsewhere,
      });
      settle('failure', 'success', 'release');
      failsElsewhere = true;
      settle('success', 'release');
      expect(breaker.state).toBe('closed');
      settle('failure');
      expect(heard).toMatchObject([{ from: 'closed', to: 'open', cause: 'failures_elsewhere' }]);
      failsElsewhere = false;
      expect(breaker.state).toBe('open');
    });

    it('tells how many calls are under way, and the last failure of which is known what it was', () => {
      const [one, other] = [breaker.tryAcquire(), breaker.tryAcquire(1_000)];
      expect([breaker.inFlight, breaker.lastError]).toEqual([2, undefined]);
      if (one.admitted) one.failure('STORAGE_FAILED');
      const atWallMs = clock.wallMs();
      settle('failure');
      expect([breaker.inFlight, breaker.lastError]).toEqual([1, { code: 'STORAGE_FAILED', atWallMs }]);
      clock.pass(1_000);
      expect(breaker.inFlight).toBe(0);
      expect(breaker.lastError).toEqual({ code: 'DEADLINE_EXCEEDED', atWallMs: clock.wallMs() });
      if (other.admitted) other.failure('STORAGE_FAILED');
      expect(breaker.lastError?.code).toBe('DEADLINE_EXCEEDED');
    });

    it('reset forgets the failures of the window and the failures in a row', () => {
      settle('failure', 'failure', 'failure', 'failure');
      breaker.reset({ by: 'bob' });
      expect(breaker.report()).toMatchObject({ failure_count: 0, consecutive_failures: 0 });
      settle('failure');
      expect(breaker.state).toBe('closed');
      expect(breaker.totals.failure).toBe(5);
    });

    it.each([undefined, 3_600_000])(
      'one that was ordered elsewhere tells when that was, by the clock of there, ttl %p',
      (ttlMs) => {
        const openedAtMs = clock.wallMs() - 600_000 + 12_345;
        const retryAtMs = ttlMs === undefined ? null : openedAtMs + ttlMs;
        breaker.forceOpen({
          ...HANDS,
          shownAs: { openedAtMs, retryAtMs },
          ...(ttlMs !== undefined && { ttlMs: 3_000_000 }),
        });
        const until = retryAtMs === null ? null : new Date(retryAtMs).toISOString();
        expect(breaker.report()).toMatchObject({
          opened_at: new Date(openedAtMs).toISOString(),
          retry_at: until,
          forced: { ...HANDS, until },
        });
        clock.pass(3_000_000 - 1);
        expect(breaker.state).toBe('open');
        clock.pass(1);
        expect(breaker.state).toBe(ttlMs === undefined ? 'open' : 'half_open');
      },
    );
  });

  describe('line 8: a listener that throws is logged, never thrown into the call', () => {
    it('and the listeners after it hear what it heard', () => {
      const heard: CallOutcome[] = [];
      const thrown = new Error('metrics are broken');
      listeners.onTransition(() => {
        throw thrown;
      });
      listeners.onCall(() => {
        throw thrown;
      });
      listeners.onCall((_, outcome) => heard.push(outcome));
      settle(...FIVE_FAILURES, 'success', 'release');
      expect(breaker.state).toBe('open');
      expect(heard).toEqual([...FIVE_FAILURES, 'rejected', 'rejected']);
      expect(errors).toEqual(Array.from({ length: 8 }, () => thrown));
    });

    it('and one that changes the circuit is heard by all in order', () => {
      const heard: string[] = [];
      listeners.onTransition(({ cause }) => {
        if (cause === 'failures') breaker.reset({ by: 'robot' });
      });
      listeners.onTransition(({ from, to, cause }) => heard.push(`${from} ${to} ${cause} ${breaker.state}`));
      settle(...FIVE_FAILURES);
      expect(heard).toEqual(['closed open failures closed', 'open closed reset closed']);
    });
  });

  describe('report', () => {
    it('has the members of the contract, for a circuit that is closed', () => {
      settle('failure', 'success', 'success', 'success', 'release');
      expect(breaker.report()).toEqual({
        state: 'closed',
        failure_count: 1,
        failure_threshold: 5,
        success_count: 3,
        success_threshold: 2,
        opened_at: null,
        last_failure_time: '2026-11-20T10:00:00.000Z',
        last_success_time: '2026-11-20T10:00:00.000Z',
        consecutive_failures: 0,
        consecutive_successes: 3,
        state_changes: 0,
        rejected_count: 0,
        neutral_count: 1,
        retry_at: null,
        cooling_until: null,
        health_percentage: 100,
      });
    });

    it('says until when its target asked to be left alone, though it is closed', () => {
      const cooling = { untilWallMs: Date.parse('2026-11-20T10:03:20.000Z') };
      const settings = DEFAULT_CIRCUIT_SETTINGS;
      const { state, cooling_until } = new CircuitBreaker('x', {
        settings,
        clock,
        listeners,
        cooling,
      }).report();
      expect({ state, cooling_until }).toEqual({
        state: 'closed',
        cooling_until: '2026-11-20T10:03:20.000Z',
      });
    });

    it('says since when it is open, until when, and how many calls it kept away', () => {
      clock.pass(1_500);
      settle(...FIVE_FAILURES, 'success', 'success');
      expect(breaker.report()).toMatchObject({
        state: 'open',
        failure_count: 5,
        success_count: 0,
        opened_at: '2026-11-20T10:00:01.500Z',
        last_failure_time: '2026-11-20T10:00:01.500Z',
        last_success_time: null,
        consecutive_failures: 5,
        state_changes: 1,
        rejected_count: 2,
        retry_at: '2026-11-20T10:00:31.500Z',
        health_percentage: 0,
      });
    });
  });
});
