import { type Moment, momentAt, momentNow } from '../circuit/circuit-moment.js';
import type { Clock } from '../../timing/clock.js';
import type { FailureKind } from '../outcome.js';

/** Longest time for which a target is believed that it is busy, in milliseconds; as long as an open circuit. */
const MAX_COOLING_MS = 300_000;

/** Calls that are answered within this are taken for ones that were under way when the target first asked. */
const SAME_TIME_MS = 1_000;

const OVER: Moment = { ms: -Infinity, wallMs: -Infinity };

/**
 * Leaves a target alone for the time that it asks for with 429, or 503 with `Retry-After`. Asking is no failure;
 * asking again, when that time is over and without having served anything since, is one. So it is where 429 names no
 * time.
 */
export class RetryAfterCooling {
  #until: Moment = OVER;
  /** When asking again is a second time; undefined once it has served something since it asked. */
  #secondTimeAtMs: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** Milliseconds for which the target is to be left alone; 0 when it may be called. */
  get remainingMs(): number {
    return Math.max(0, this.#until.ms - this.clock.monotonicMs());
  }

  /** When it may be called again, on the wall clock; undefined when it may be. */
  get untilWallMs(): number | undefined {
    return this.remainingMs > 0 ? this.#until.wallMs : undefined;
  }

  /** Forgets what the target asked for, by the word of somebody who knows better. */
  end(): void {
    this.#until = OVER;
    this.#secondTimeAtMs = undefined;
  }

  succeeded(): void {
    this.#secondTimeAtMs = undefined;
  }

  /** Takes note of a failure and gives what it counts as. */
  failed(failure: FailureKind): FailureKind {
    if (!failure.busy) return failure;
    const now = momentNow(this.clock);
    const nowMs = now.ms;
    const again = this.#secondTimeAtMs !== undefined && nowMs >= this.#secondTimeAtMs;
    const restMs = Math.min(failure.retryAfterMs ?? 0, MAX_COOLING_MS);
    if (nowMs + restMs > this.#until.ms) this.#until = momentAt(nowMs + restMs, now);
    if (restMs > 0) this.#secondTimeAtMs = this.#until.ms;
    else if (again || this.#secondTimeAtMs === undefined) this.#secondTimeAtMs = nowMs + SAME_TIME_MS;
    return again ? { ...failure, verdict: 'failure' } : failure;
  }
}
