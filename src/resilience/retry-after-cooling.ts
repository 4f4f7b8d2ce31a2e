import type { Clock } from './clock.js';
import type { FailureKind } from './outcome.js';

/** Longest time for which a target is believed that it is busy, in milliseconds; as long as an open circuit. */
const MAX_COOLING_MS = 300_000;

/**
 * Leaves a target alone for the time that it asks for with 429, or 503 with `Retry-After`. Asking is no failure;
 * asking again, when that time is over and without having served anything since, is one.
 */
export class RetryAfterCooling {
  #untilMs = -Infinity;
  /** Has it served nothing since it asked? */
  #isOnTrial = false;

  constructor(private readonly clock: Clock) {}

  /** Milliseconds for which the target is to be left alone; 0 when it may be called. */
  get remainingMs(): number {
    return Math.max(0, this.#untilMs - this.clock.monotonicMs());
  }

  succeeded(): void {
    this.#isOnTrial = false;
  }

  /** Takes note of a failure and gives what it counts as. */
  failed(failure: FailureKind): FailureKind {
    const { retryAfterMs } = failure;
    if (retryAfterMs === undefined) return failure;
    // Calls that were under way when it first asked are answered the same, and are no second time.
    const again = this.#isOnTrial && this.remainingMs === 0;
    const untilMs = this.clock.monotonicMs() + Math.min(retryAfterMs, MAX_COOLING_MS);
    this.#untilMs = Math.max(this.#untilMs, untilMs);
    this.#isOnTrial = true;
    return again ? { ...failure, verdict: 'failure' } : failure;
  }
}
