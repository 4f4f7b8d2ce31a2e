import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { CircuitListeners } from './circuit-listeners.js';
import type { Permit } from './circuit-permit.js';
import { type CircuitSettings, DEFAULT_CIRCUIT_SETTINGS } from './circuit-settings.js';
import type { CircuitTransition } from './circuit-state.js';

const THRESHOLD = 5;
const RECOVERY_MS = 30_000;

describe('CircuitBreaker', () => {
  let clock: ManualClock;
  let listeners: CircuitListeners;
  let errors: Error[];
  let breaker: CircuitBreaker;

  beforeEach(() => {
    clock = new ManualClock();
    errors = [];
    listeners = new CircuitListeners((error) => errors.push(error));
    breaker = breakerWith();
  });

  function breakerWith(settings: Partial<CircuitSettings> = {}): CircuitBreaker {
    return new CircuitBreaker('se-01', {
      settings: { ...DEFAULT_CIRCUIT_SETTINGS, ...settings },
      clock,
      listeners,
      random: () => 0.5,
    });
  }

  function acquire(settleWithinMs?: number): Permit {
    const answer = breaker.tryAcquire(settleWithinMs);
    if (!answer.admitted) throw new Error(`rejected: ${answer.state}`);
    return answer;
  }

  function fail(times: number): void {
    for (let count = 0; count < times; count += 1) acquire().failure();
  }

  function halfOpen(): void {
    fail(THRESHOLD);
    clock.pass(RECOVERY_MS);
    expect(breaker.state).toBe('half_open');
  }

  it('opens at the fifth failure, rejects for 30 s, and closes after two successes', () => {
    fail(THRESHOLD - 1);
    expect(breaker.state).toBe('closed');
    fail(1);
    expect(breaker.tryAcquire()).toEqual({ admitted: false, state: 'open', retryAfterMs: RECOVERY_MS });
    clock.pass(RECOVERY_MS - 1);
    expect(breaker.tryAcquire()).toMatchObject({ admitted: false, retryAfterMs: 1 });
    clock.pass(1);
    acquire().success();
    expect(breaker.state).toBe('half_open');
    acquire().success();
    expect(breaker.state).toBe('closed');
  });

  it('opens by the count of failures in the window, however many successes stand between them', () => {
    for (let count = 1; count < THRESHOLD; count += 1) {
      acquire().failure();
      for (let successes = 0; successes < 100; successes += 1) acquire().success();
    }
    expect(breaker.state).toBe('closed');
    fail(1);
    expect(breaker.state).toBe('open');
  });

  it('stays open for twice as long after each probe that failed, and as at first once it was closed', () => {
    fail(THRESHOLD);
    for (const waitMs of [30_000, 60_000, 120_000, 240_000, 300_000, 300_000]) {
      expect(breaker.retryAfterMs).toBe(waitMs);
      clock.pass(waitMs);
      fail(1);
    }
    clock.pass(300_000);
    acquire().success();
    acquire().success();
    fail(THRESHOLD);
    expect(breaker.retryAfterMs).toBe(30_000);
  });

  describe('line 1: a permit has exactly one of success, failure and release', () => {
    it.each([
      ['success', { success: 1, failure: 0, neutral: 0 }],
      ['failure', { success: 0, failure: 1, neutral: 0 }],
      ['release', { success: 0, failure: 0, neutral: 1 }],
    ] as const)('counts the first, %s, and ignores what comes later', (first, counted) => {
      const permit = acquire();
      permit[first]();
      permit.success();
      permit.failure();
      permit.release();
      expect(breaker.totals).toMatchObject(counted);
    });

    it('settles a permit as failure at its deadline, and ignores what comes later', () => {
      const permits = Array.from({ length: THRESHOLD }, () => acquire());
      clock.pass(DEFAULT_CIRCUIT_SETTINGS.permitDeadlineMs - 1);
      expect(breaker.state).toBe('closed');
      clock.pass(1);
      expect(breaker.state).toBe('open');
      for (const permit of permits) permit.success();
      expect(breaker.totals).toMatchObject({ failure: THRESHOLD, success: 0 });
      expect(breaker.report().last_failure_time).toBe('2026-11-20T10:01:00.000Z');
    });

    it('does not count a result that comes at the deadline or after it, though nobody looked meanwhile', () => {
      const permit = acquire(1_000);
      clock.pass(1_000);
      permit.success();
      expect(breaker.totals).toMatchObject({ failure: 1, success: 0 });
    });

    it('gives a long call the deadline it asks for', () => {
      const upload = acquire(3_600_000);
      acquire(100);
      clock.pass(3_599_999);
      upload.success();
      expect(breaker.totals).toMatchObject({ success: 1, failure: 1 });
    });

    it('counts an overdue permit as of its deadline, not as of when somebody looked', () => {
      halfOpen();
      acquire(1_000);
      clock.pass(1_000 + 60_000);
      // It failed after 1 s and the circuit was open for the doubled 60 s, which are over.
      expect(breaker.state).toBe('half_open');
      expect(breaker.totals.stateChanges).toBe(4);
    });

    it('gives the place of a neutral probe back, and neither closes nor opens the circuit', () => {
      halfOpen();
      for (let count = 0; count < 10; count += 1) {
        acquire().release();
        expect(breaker.state).toBe('half_open');
      }
      expect(breaker.report()).toMatchObject({ success_count: 0, neutral_count: 10 });
    });
  });

  describe('line 2: a result of an older generation changes counters, never the state', () => {
    it('when a call from before the break succeeds or fails in a half-open circuit', () => {
      const [early, late, lost] = [acquire(3_600_000), acquire(3_600_000), acquire(3_600_000)];
      halfOpen();
      const probe = acquire();
      early.success();
      late.failure();
      lost.release();
      expect(breaker.report()).toMatchObject({ state: 'half_open', success_count: 0, neutral_count: 1 });
      expect(breaker.totals).toMatchObject({ success: 1, failure: THRESHOLD + 1, neutral: 1 });
      // The place of its own probe is still taken, and one is free.
      acquire();
      expect(breaker.tryAcquire().admitted).toBe(false);
      probe.success();
      expect(breaker.state).toBe('half_open');
    });

    it('when calls from before the break fail in a circuit that has closed again', () => {
      const uploads = Array.from({ length: THRESHOLD }, () => acquire(3_600_000));
      halfOpen();
      acquire().success();
      acquire().success();
      for (const upload of uploads) upload.failure();
      expect(breaker.report()).toMatchObject({
        state: 'closed',
        failure_count: 0,
        consecutive_failures: THRESHOLD,
      });
    });

    it('when the second probe succeeds after the first has failed', () => {
      halfOpen();
      const [first, second] = [acquire(), acquire()];
      first.failure();
      second.success();
      expect(breaker.state).toBe('open');
    });
  });

  describe('line 3: state is worked out on read, so that reports and decisions agree without traffic', () => {
    it('reports half-open from the moment at which the next call is admitted', () => {
      fail(THRESHOLD);
      clock.pass(RECOVERY_MS - 1);
      expect(breaker.report()).toMatchObject({ state: 'open', health_percentage: 0 });
      expect(breaker.retryAfterMs).toBe(1);
      clock.pass(1);
      expect(breaker.report()).toMatchObject({ state: 'half_open', retry_at: null, health_percentage: 50 });
      expect(breaker.retryAfterMs).toBe(0);
      expect(breaker.tryAcquire().admitted).toBe(true);
    });

    it('opens under traffic that has calls under way all the time', () => {
      let running = acquire();
      for (let count = 0; count < THRESHOLD; count += 1) {
        const next = acquire();
        running.failure();
        running = next;
      }
      running.success();
      expect(breaker.state).toBe('open');
    });
  });

  describe('line 4: half-open admits as many probes as have to succeed', () => {
    it.each([1, 2, 7])('%i, and rejects the next at once with a time to wait', (successThreshold) => {
      breaker = breakerWith({ successThreshold });
      halfOpen();
      const probes = Array.from({ length: successThreshold }, () => acquire());
      expect(breaker.tryAcquire()).toEqual({ admitted: false, state: 'half_open', retryAfterMs: 1_000 });
      for (const probe of probes) probe.success();
      expect(breaker.state).toBe('closed');
    });

    it('two in all: one that succeeded keeps its place', () => {
      halfOpen();
      acquire().success();
      acquire();
      expect(breaker.tryAcquire().admitted).toBe(false);
    });

    it('until a probe is overdue, so that a lost one does not hold the circuit for ever', () => {
      halfOpen();
      acquire();
      acquire();
      clock.pass(DEFAULT_CIRCUIT_SETTINGS.permitDeadlineMs);
      expect(breaker.state).toBe('open');
    });
  });

  describe('line 5: durations go by a clock that is never set, and old failures never count', () => {
    it('forgets failures that are older than the window, also after an idle hour', () => {
      fail(THRESHOLD - 1);
      clock.pass(3_600_000);
      expect(breaker.report().failure_count).toBe(0);
      fail(1);
      expect(breaker.report()).toMatchObject({ state: 'closed', failure_count: 1 });
    });

    it('counts a failure for 60 s and no longer', () => {
      fail(THRESHOLD - 1);
      clock.pass(60_001);
      fail(1);
      expect(breaker.state).toBe('closed');
      fail(THRESHOLD - 2);
      clock.pass(60_000);
      fail(1);
      expect(breaker.state).toBe('open');
    });

    it.each([3_600_000, -3_600_000])('stays open for as long when the wall clock is set by %i ms', (ms) => {
      fail(THRESHOLD);
      clock.setWallBy(ms);
      expect(breaker.retryAfterMs).toBe(RECOVERY_MS);
      clock.pass(RECOVERY_MS);
      expect(breaker.state).toBe('half_open');
    });
  });

  it('tells listeners each transition with its cause', () => {
    const heard: CircuitTransition[] = [];
    listeners.onTransition((transition) => heard.push(transition));
    halfOpen();
    fail(1);
    clock.pass(3_600_000);
    acquire().success();
    acquire().success();
    // Nobody looked for an hour, but it was due after a minute.
    expect(new Date(heard[3]?.atWallMs ?? 0).toISOString()).toBe('2026-11-20T10:01:30.000Z');
    expect(heard.map(({ from, to, cause }) => `${from} ${to} ${cause}`)).toEqual([
      'closed open failures',
      'open half_open recovery_due',
      'half_open open probe_failed',
      'open half_open recovery_due',
      'half_open closed probes_succeeded',
    ]);
    expect(errors).toEqual([]);
  });
});
