import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { CircuitListeners } from './circuit-listeners.js';
import { DEFAULT_CIRCUIT_SETTINGS } from './circuit-settings.js';
import type { CircuitSnapshot } from './circuit-snapshot.js';

const THRESHOLD = 5;

describe('line 7: a snapshot brings the circuit back', () => {
  let clock: ManualClock;
  let breaker: CircuitBreaker;

  beforeEach(() => {
    clock = new ManualClock();
    breaker = newBreaker();
  });

  function newBreaker(): CircuitBreaker {
    const listeners = new CircuitListeners(() => undefined);
    return new CircuitBreaker('se-01', {
      settings: DEFAULT_CIRCUIT_SETTINGS,
      clock,
      listeners,
      random: () => 0.5,
    });
  }

  function fail(times: number): void {
    for (let count = 0; count < times; count += 1) {
      const answer = breaker.tryAcquire();
      if (answer.admitted) answer.failure();
    }
  }

  function halfOpen(): void {
    fail(THRESHOLD);
    clock.pass(30_000);
    expect(breaker.state).toBe('half_open');
  }

  function restart(downMs = 0): void {
    const saved = JSON.parse(JSON.stringify(breaker.snapshot())) as CircuitSnapshot;
    // The monotonic clock of another process starts elsewhere.
    clock = new ManualClock(77, clock.wallMs() + downMs);
    breaker = newBreaker();
    breaker.restore(saved);
  }

  it('half-open as open and due now', () => {
    halfOpen();
    breaker.tryAcquire();
    expect(breaker.snapshot()).toMatchObject({ state: 'open', retryAtMs: clock.wallMs() });
    restart();
    expect(breaker.state).toBe('half_open');
    expect([1, 2, 3].map(() => breaker.tryAcquire().admitted)).toEqual([true, true, false]);
  });

  it('open for what is left of its time, and with the doubling it had reached', () => {
    halfOpen();
    fail(1);
    restart(10_000);
    expect(breaker.retryAfterMs).toBe(50_000);
    expect(breaker.report().opened_at).toBe('2026-11-20T10:00:30.000Z');
    clock.pass(50_000);
    fail(1);
    expect(breaker.retryAfterMs).toBe(120_000);
  });

  it('closed with the failures of the window', () => {
    fail(2);
    clock.pass(40_000);
    fail(THRESHOLD - 3);
    restart(10_000);
    expect(breaker.report()).toMatchObject({
      state: 'closed',
      failure_count: THRESHOLD - 1,
      state_changes: 0,
    });
    clock.pass(10_001);
    expect(breaker.report().failure_count).toBe(THRESHOLD - 3);
  });

  it('as it was saved, whatever happened since', () => {
    fail(2);
    const saved = breaker.snapshot();
    fail(1);
    breaker.restore(saved);
    expect(breaker.report().failure_count).toBe(2);
    breaker.forceOpen({ reason: 'broken', by: 'alice' });
    breaker.restore(saved);
    expect(breaker.report()).toMatchObject({ state: 'closed', failure_count: 2, state_changes: 2 });
  });

  it('for no longer than a circuit stays open when the wall clock was set back a year', () => {
    fail(THRESHOLD);
    restart(-365 * 86_400_000);
    expect(breaker.retryAfterMs).toBeLessThanOrEqual(330_000);
    expect(breaker.report().failure_count).toBe(THRESHOLD);
  });
});
