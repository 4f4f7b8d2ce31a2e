import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type CircuitEvent, CircuitModel, type ModelVerdict } from '../../../test/support/circuit-model.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { CircuitListeners } from './circuit-listeners.js';
import type { Permit, Rejection } from './circuit-permit.js';
import type { CircuitSettings } from './circuit-settings.js';
import type { ForcedOrder } from './circuit-state.js';
import { casesOf } from '../../../test/support/long-run.js';

type Step =
  | { readonly do: 'ask'; readonly settleWithinMs: number }
  | { readonly do: 'settle'; readonly which: number; readonly verdict: ModelVerdict }
  | { readonly do: 'pass over' }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'force'; readonly ttlMs: number | undefined }
  | { readonly do: 'reset' }
  | { readonly do: 'restart'; readonly downMs: number };

const WINDOW_MS = 1_000;
const RECOVERY_MS = 500;
const DEADLINE_MS = 400;

/** Times at which something is due, one before and one after, and others. */
const someMs = fc.oneof(
  fc.constantFrom(...[DEADLINE_MS, RECOVERY_MS, WINDOW_MS, 2_000].flatMap((ms) => [ms - 1, ms, ms + 1])),
  fc.integer({ min: 1, max: 300 }),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      settleWithinMs: fc.constantFrom(DEADLINE_MS, DEADLINE_MS, 60, 5_000),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      // Mostly one of the last permits, else any there ever was.
      which: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.nat({ max: 200 })),
      verdict: fc.constantFrom<ModelVerdict>('success', 'failure', 'failure', 'neutral'),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ do: 'pass over' as const }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: someMs }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('force' as const), ttlMs: fc.option(someMs, { nil: undefined }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'reset' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('restart' as const), downMs: fc.oneof(fc.constant(0), someMs) }),
  },
);

const steps = fc.array(step, { minLength: 1, maxLength: 120, size: 'max' });

const settings: fc.Arbitrary<CircuitSettings> = fc.record({
  failureThreshold: fc.integer({ min: 1, max: 4 }),
  failureWindowMs: fc.constant(WINDOW_MS),
  successThreshold: fc.integer({ min: 1, max: 3 }),
  recoveryTimeoutMs: fc.constant(RECOVERY_MS),
  maxRecoveryTimeoutMs: fc.constantFrom(RECOVERY_MS, 3 * RECOVERY_MS, 60_000),
  permitDeadlineMs: fc.constant(DEADLINE_MS),
});

/** A breaker that is driven, with the story of what was done to it. */
class Driven {
  clock = new ManualClock();
  breaker: CircuitBreaker;
  readonly events: CircuitEvent[] = [];
  readonly answers: (Permit | Rejection)[] = [];
  readonly turnedAway: boolean[] = [];

  constructor(private readonly circuit: CircuitSettings) {
    this.breaker = this.newBreaker();
  }

  do(what: Step): void {
    const at = this.clock.wallMs();
    switch (what.do) {
      case 'ask':
        this.events.push({ at, type: 'ask', settleWithinMs: what.settleWithinMs });
        this.answers.push(this.breaker.tryAcquire(what.settleWithinMs));
        return;
      case 'settle':
        return this.settle(this.answers.length - 1 - what.which, what.verdict);
      case 'pass over':
        this.events.push({ at, type: 'pass over' });
        this.turnedAway.push(this.breaker.recordRejection());
        return;
      case 'pass':
        return this.clock.pass(what.ms);
      case 'force':
        this.events.push({ at, type: 'force', ttlMs: what.ttlMs });
        return this.breaker.forceOpen({
          reason: 'r',
          by: 'b',
          ...(what.ttlMs !== undefined && { ttlMs: what.ttlMs }),
        });
      case 'reset':
        this.events.push({ at, type: 'reset' });
        return this.breaker.reset({ by: 'b' });
      case 'restart':
        this.events.push({ at, type: 'restart', upAt: at + what.downMs });
        return this.restart(what.downMs);
    }
  }

  private settle(permit: number, verdict: ModelVerdict): void {
    const answer = this.answers[permit];
    if (!answer?.admitted) return;
    this.events.push({ at: this.clock.wallMs(), type: 'settle', permit, verdict });
    answer[verdict === 'neutral' ? 'release' : verdict]();
  }

  private restart(downMs: number): void {
    const { forced } = this.breaker;
    this.clock = new ManualClock(downMs * 7, this.clock.wallMs() + downMs);
    this.breaker = this.newBreaker();
    if (forced) this.forceAgain(forced, this.clock.wallMs());
  }

  /** As the order of an operator holds for a process that starts later. */
  private forceAgain({ reason, by, openedAtMs, retryAtMs }: ForcedOrder, nowMs: number): void {
    const shownAs = { openedAtMs, retryAtMs };
    if (retryAtMs === null) this.breaker.forceOpen({ reason, by, shownAs });
    // One whose time is over is not read any more.
    else if (retryAtMs > nowMs) this.breaker.forceOpen({ reason, by, shownAs, ttlMs: retryAtMs - nowMs });
  }

  private newBreaker(): CircuitBreaker {
    return new CircuitBreaker('driven', {
      settings: this.circuit,
      clock: this.clock,
      listeners: new CircuitListeners(() => undefined),
      random: () => 0.5,
    });
  }
}

describe('CircuitBreaker, driven by chance', () => {
  const reached = new Map<string, number>();

  it('agrees with the reference model at every step', () => {
    fc.assert(
      fc.property(settings, steps, (circuit, story) => {
        const driven = new Driven(circuit);
        for (const what of story) {
          driven.do(what);
          const now = driven.clock.wallMs();
          const model = CircuitModel.replay(circuit, driven.events, now);
          expect(driven.breaker.report()).toMatchObject(model.report(now));
          expect(driven.breaker.totals).toMatchObject(model.totals());
          expect(driven.breaker.retryAfterMs === 0).toBe(model.admits);
          expect(driven.answers.at(-1)?.admitted).toBe(model.lastAnswer);
          reached.set(driven.breaker.state, (reached.get(driven.breaker.state) ?? 0) + 1);
        }
      }),
      { numRuns: casesOf(250) },
    );
    // Chance that never leaves one state would prove nothing.
    for (const state of ['closed', 'open', 'half_open']) expect(reached.get(state)).toBeGreaterThan(500);
  });

  it('never reports a state that the next decision contradicts', () => {
    fc.assert(
      fc.property(settings, steps, (circuit, story) => {
        const driven = new Driven(circuit);
        for (const what of story) {
          driven.do(what);
          const { state } = driven.breaker.report();
          const { retryAfterMs } = driven.breaker;
          const answer = driven.breaker.tryAcquire();
          if (answer.admitted) {
            expect(state).not.toBe('open');
            expect(retryAfterMs).toBe(0);
            // Asking was part of the check, not of the story.
            answer.release();
          } else expect(answer).toEqual({ admitted: false, state, retryAfterMs });
          if (state === 'closed') expect(answer.admitted).toBe(true);
        }
      }),
      { numRuns: casesOf(300) },
    );
  });

  it('does the same whether it is looked at all the time or never', () => {
    fc.assert(
      fc.property(settings, steps, (circuit, story) => {
        const [watched, left] = [new Driven(circuit), new Driven(circuit)];
        for (const what of story) {
          watched.do(what);
          watched.breaker.report();
          left.do(what);
        }
        expect(left.answers.map(({ admitted }) => admitted)).toEqual(
          watched.answers.map(({ admitted }) => admitted),
        );
        expect(left.turnedAway).toEqual(watched.turnedAway);
        expect(left.breaker.report()).toEqual(watched.breaker.report());
      }),
      { numRuns: casesOf(300) },
    );
  });

  it('admits without limit while it is closed', () => {
    const { breaker } = new Driven({
      failureThreshold: 1,
      failureWindowMs: WINDOW_MS,
      successThreshold: 1,
      recoveryTimeoutMs: RECOVERY_MS,
      maxRecoveryTimeoutMs: RECOVERY_MS,
      permitDeadlineMs: DEADLINE_MS,
    });
    for (let count = 0; count < 10_000; count += 1) expect(breaker.tryAcquire().admitted).toBe(true);
  });
});
