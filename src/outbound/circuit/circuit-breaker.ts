import { CircuitCounters, type LastError } from './circuit-counters.js';
import type { CircuitListeners } from './circuit-listeners.js';
import { type Moment, momentAt, momentNow } from './circuit-moment.js';
import { CircuitPermit, OutstandingPermits, type Permit, type Rejection } from './circuit-permit.js';
import { circuitReport, type CircuitReport, type Cooling } from '../circuit-reports.js';
import {
  checkedCircuitSettings,
  type CircuitSettings,
  recoveryTimeoutMs,
  requirePositive,
} from './circuit-settings.js';
import type {
  ByHand,
  CircuitState,
  CircuitStateName,
  CircuitTransition,
  ForcedOrder,
  ForceOpen,
  TransitionCause,
} from './circuit-state.js';
import type { Clock } from '../../timing/clock.js';
import { FailureWindow } from './failure-window.js';
import type { Verdict } from '../outcome.js';

interface CircuitBreakerParts {
  readonly settings: CircuitSettings;
  readonly clock: Clock;
  readonly listeners: CircuitListeners;
  /** A number in [0, 1), for the jitter of the recovery timeout. */
  readonly random?: () => number;
  /** The rest that the target asked for, which is no matter of the circuit's but stands in its report. */
  readonly cooling?: Cooling;
  /** Does it admit every call when it is half-open? Absent: only as many as have to succeed. */
  readonly probesAll?: boolean;
  /** Is the target known to fail elsewhere? Then one failure opens a closed circuit. Asked after a failure only. */
  readonly failsElsewhere?: () => boolean;
}

/** A probe takes moments, so those it keeps waiting are asked back soon. */
const PROBE_WAIT_MS = 1_000;

/**
 * Keeps calls away from a target that fails. Closed admits all; enough failures within the window open it; open
 * rejects all until the recovery timeout is over; half-open admits as many probes as have to succeed, or all.
 *
 * What time does to a circuit (recovery is due, a permit is overdue) is worked out when somebody looks, as of when
 * it was due: whoever reads or decides sees the same state, however often or seldom anybody looks.
 */
export class CircuitBreaker {
  readonly settings: CircuitSettings;
  readonly #clock: Clock;
  readonly #listeners: CircuitListeners;
  readonly #random: () => number;
  readonly #cooling: Cooling | undefined;
  readonly #probesAll: boolean;
  readonly #failsElsewhere: () => boolean;
  readonly #failures: FailureWindow;
  readonly #counters = new CircuitCounters();
  readonly #permits = new OutstandingPermits();
  #state: CircuitState = { kind: 'closed', successes: 0 };
  #generation = 0;
  /** How often it opened since it was closed. */
  #openings = 0;

  /** @throws RangeError for settings that make no sense. */
  constructor(
    readonly name: string,
    parts: CircuitBreakerParts,
  ) {
    this.settings = checkedCircuitSettings(parts.settings);
    this.#clock = parts.clock;
    this.#listeners = parts.listeners;
    this.#random = parts.random ?? Math.random;
    this.#cooling = parts.cooling;
    this.#probesAll = parts.probesAll ?? false;
    this.#failsElsewhere = parts.failsElsewhere ?? (() => false);
    this.#failures = new FailureWindow(this.settings.failureThreshold, this.settings.failureWindowMs);
  }

  get state(): CircuitStateName {
    this.#look();
    return this.#state.kind;
  }

  /** What an operator has ordered, while it is open by hand. */
  get forced(): ForcedOrder | undefined {
    this.#look();
    if (this.#state.kind !== 'open' || !this.#state.forced) return undefined;
    const { forced, openedAtWallMs, retryAt } = this.#state;
    return { ...forced, openedAtMs: openedAtWallMs, retryAtMs: retryAt?.wallMs ?? null };
  }

  /** Milliseconds until a call may be admitted: 0 when the next one is. Asking counts as nothing. */
  get retryAfterMs(): number {
    return this.#retryAfterMs(this.#look());
  }

  /** Calls that were admitted and have not ended. */
  get inFlight(): number {
    this.#look();
    return this.#permits.size;
  }

  /** The last failure of which is known what it was. */
  get lastError(): LastError | undefined {
    return this.#counters.lastError;
  }

  /** Calls and changes since the process began; they only grow. */
  get totals(): Readonly<Record<Verdict | 'rejected' | 'stateChanges', number>> {
    this.#look();
    return { ...this.#counters.calls, stateChanges: this.#counters.stateChanges };
  }

  /**
   * Asks leave for one call. A permit that is not settled within `settleWithinMs` milliseconds counts as failure,
   * so that a long call gives its own deadline.
   */
  tryAcquire(settleWithinMs: number = this.settings.permitDeadlineMs): Permit | Rejection {
    const now = this.#catchUp();
    const retryAfterMs = this.#retryAfterMs(now);
    const answer = retryAfterMs > 0 ? this.#reject(retryAfterMs, now) : this.#admit(now.ms + settleWithinMs);
    this.#listeners.tell();
    return answer;
  }

  /**
   * For who chooses among targets: where a call would be rejected, counts that and says so. Where it would be admitted,
   * nothing is granted and nothing counted.
   */
  recordRejection(): boolean {
    const now = this.#catchUp();
    const turnedAway = this.#retryAfterMs(now) > 0;
    if (turnedAway) this.#countRejection(now);
    this.#listeners.tell();
    return turnedAway;
  }

  /** Opens the circuit by hand. @throws RangeError for a `ttlMs` that is not above 0. */
  forceOpen({ reason, by, ttlMs, shownAs }: ForceOpen): void {
    if (ttlMs !== undefined) requirePositive('ttlMs', ttlMs);
    const now = this.#catchUp();
    const end = ttlMs === undefined ? undefined : momentAt(now.ms + ttlMs, now);
    const retryAt = end && { ...end, wallMs: shownAs?.retryAtMs ?? end.wallMs };
    const openedAtWallMs = shownAs?.openedAtMs ?? now.wallMs;
    this.#become({ kind: 'open', openedAtWallMs, retryAt, forced: { reason, by } }, 'forced', now, {
      by,
      reason,
    });
    this.#listeners.tell();
  }

  /** Closes the circuit by hand, whatever it is, and forgets its failures. */
  reset({ by, reason }: ByHand): void {
    const now = this.#catchUp();
    this.#counters.forgetRows();
    this.#become({ kind: 'closed', successes: 0 }, 'reset', now, {
      by,
      ...(reason !== undefined && { reason }),
    });
    this.#listeners.tell();
  }

  report(): CircuitReport {
    const now = this.#look();
    const failures = this.#failures.count(now.ms);
    return circuitReport({
      state: this.#state,
      settings: this.settings,
      counters: this.#counters,
      failures,
      coolingUntilWallMs: this.#cooling?.untilWallMs,
    });
  }

  #look(): Moment {
    const now = this.#catchUp();
    this.#listeners.tell();
    return now;
  }

  /** Does what was due until now, in the order in which it was due. */
  #catchUp(): Moment {
    const now = momentNow(this.#clock);
    // Permits first: none of them was given after the recovery that may be due as well.
    for (const permit of this.#permits.takeDue(now.ms)) {
      this.#count(permit, 'failure', momentAt(permit.deadlineMs, now), 'DEADLINE_EXCEEDED');
    }
    this.#recover(now);
    return now;
  }

  #recover(now: Moment): void {
    const state = this.#state;
    if (state.kind !== 'open' || state.retryAt === undefined || now.ms < state.retryAt.ms) return;
    const { openedAtWallMs, retryAt } = state;
    this.#become({ kind: 'half_open', openedAtWallMs, probes: 0, successes: 0 }, 'recovery_due', retryAt);
  }

  #retryAfterMs(now: Moment): number {
    const state = this.#state;
    const { successThreshold, recoveryTimeoutMs: recoveryMs } = this.settings;
    if (state.kind === 'closed') return 0;
    if (state.kind === 'open') {
      const leftMs = state.retryAt ? Math.ceil(state.retryAt.ms - now.ms) : recoveryMs;
      // What was opened by hand may be reset long before its time is over, and nobody who waits is told.
      return state.forced ? Math.min(leftMs, recoveryMs) : leftMs;
    }
    if (this.#probesAll || state.probes + state.successes < successThreshold) return 0;
    return Math.min(PROBE_WAIT_MS, recoveryMs);
  }

  #countRejection(now: Moment): void {
    this.#counters.record('rejected', now.wallMs);
    this.#listeners.call(this.name, 'rejected');
  }

  #reject(retryAfterMs: number, now: Moment): Rejection {
    this.#countRejection(now);
    return { admitted: false, state: this.#state.kind === 'open' ? 'open' : 'half_open', retryAfterMs };
  }

  #admit(deadlineMs: number): Permit {
    const state = this.#state;
    if (state.kind === 'half_open') this.#write({ ...state, probes: state.probes + 1 });
    const permit = new CircuitPermit(this.#generation, deadlineMs, this.#settle);
    this.#permits.add(permit);
    return permit;
  }

  readonly #settle = (permit: CircuitPermit, verdict: Verdict, code?: string): void => {
    const now = this.#catchUp();
    if (this.#permits.remove(permit)) this.#count(permit, verdict, now, code);
    this.#listeners.tell();
  };

  /** A result of an older generation changes counters, never the state. */
  #count(permit: CircuitPermit, verdict: Verdict, at: Moment, code?: string): void {
    this.#counters.record(verdict, at.wallMs, code);
    this.#listeners.call(this.name, verdict);
    if (permit.generation !== this.#generation) return;
    if (this.#state.kind === 'closed') this.#countClosed(this.#state, verdict, at);
    else if (this.#state.kind === 'half_open') this.#countProbe(this.#state, verdict, at);
  }

  #countClosed(state: Extract<CircuitState, { kind: 'closed' }>, verdict: Verdict, at: Moment): void {
    if (verdict === 'success') this.#write({ ...state, successes: state.successes + 1 });
    if (verdict !== 'failure') return;
    this.#failures.add(at.ms);
    if (this.#failures.count(at.ms) >= this.settings.failureThreshold) this.#open('failures', at);
    else if (this.#failsElsewhere()) this.#open('failures_elsewhere', at);
  }

  #countProbe(state: Extract<CircuitState, { kind: 'half_open' }>, verdict: Verdict, at: Moment): void {
    if (verdict === 'failure') {
      this.#failures.add(at.ms);
      this.#open('probe_failed', at);
      return;
    }
    const successes = state.successes + (verdict === 'success' ? 1 : 0);
    if (successes < this.settings.successThreshold)
      this.#write({ ...state, probes: state.probes - 1, successes });
    else this.#become({ kind: 'closed', successes: 0 }, 'probes_succeeded', at);
  }

  #open(cause: TransitionCause, at: Moment): void {
    this.#openings += 1;
    const openMs = recoveryTimeoutMs(this.settings, this.#openings, this.#random());
    const retryAt = momentAt(at.ms + openMs, at);
    this.#become({ kind: 'open', openedAtWallMs: at.wallMs, retryAt, forced: undefined }, cause, at);
  }

  /** The one way to another state: the results of calls admitted before it count for no state any more. */
  #become(state: CircuitState, cause: TransitionCause, at: Moment, byHand?: ByHand): void {
    const transition = {
      name: this.name,
      from: this.#state.kind,
      to: state.kind,
      cause,
      atWallMs: at.wallMs,
    };
    this.#write(state);
    this.#generation += 1;
    this.#counters.stateChanges += 1;
    if (state.kind === 'closed') {
      this.#failures.clear();
      this.#openings = 0;
    }
    this.#listeners.transition({ ...transition, ...byHand } satisfies CircuitTransition);
  }

  /** Nothing else assigns the state, and nobody calls it with a state read before a transition. */
  #write(state: CircuitState): void {
    this.#state = state;
  }
}
