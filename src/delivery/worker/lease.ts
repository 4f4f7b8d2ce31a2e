import type { Clock } from '../../timing/clock.js';
import type { Held } from '../ledger/task-claims.js';
import { CancelRequested, LeaseLost } from './stop-reasons.js';

export interface LeaseOptions {
  readonly leaseMs: number;
  readonly clock: Clock;
  /** When the lease was last extended, on the monotonic clock. */
  readonly heldSinceMs: number;
  /** Is a wish to cancel known already, and being fulfilled? */
  readonly cancelling: boolean;
  /** May the work not be stopped any more for a wish to cancel? */
  readonly tooLate: () => boolean;
}

/** We stop before another may begin. */
const SAFETY = 0.9;

/**
 * Whether a task is ours while we work on it. Our time is counted from before the statement that extended it, on a clock
 * that nobody sets, and ends a little earlier than the lease: whoever takes the task over never meets us. A database
 * that is away is no reason to stop before that.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #controller = new AbortController();
  #heldUntilMs: number;
  #end: NodeJS.Timeout | undefined;
  #over = false;
  #isUnwanted: boolean;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#isUnwanted = options.cancelling;
    this.#heldUntilMs = this.#endOf(options.heldSinceMs);
    this.#wait();
  }

  /** Aborted when the work has to stop; its reason says why. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Has its owner said that he wants the upload no more? */
  get isUnwanted(): boolean {
    return this.#isUnwanted;
  }

  /** Is the task ours beyond doubt? The timer of a process that was stopped for a while comes late. */
  get isHeld(): boolean {
    return this.#options.clock.monotonicMs() < this.#heldUntilMs;
  }

  /** Stops the work. */
  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  /**
   * A statement that was begun at `sinceMs` has extended the lease, or found that it is lost. Stops the work where there
   * is reason to; whoever goes on looks at `signal`.
   */
  extended(held: Held | undefined, sinceMs: number): void {
    if (!held) return this.abort(new LeaseLost());
    this.#heldUntilMs = Math.max(this.#heldUntilMs, this.#endOf(sinceMs));
    this.#isUnwanted ||= held.cancel_requested_at !== null;
    const { cancelling, tooLate } = this.#options;
    if (this.#isUnwanted && !cancelling && !tooLate()) this.abort(new CancelRequested());
  }

  /** The work is over. */
  close(): void {
    this.#over = true;
    clearTimeout(this.#end);
  }

  /** One timer for a lease, that goes on for as long as it was extended meanwhile. */
  #wait(): void {
    if (this.#over) return;
    const leftMs = Math.ceil(this.#heldUntilMs - this.#options.clock.monotonicMs()) + 1;
    this.#end = setTimeout(
      () => {
        if (this.isHeld) this.#wait();
        else this.abort(new LeaseLost());
      },
      Math.max(1, leftMs),
    );
  }

  #endOf(sinceMs: number): number {
    return sinceMs + this.#options.leaseMs * SAFETY;
  }
}
