import type { Clock } from '../../resilience/clock.js';
import type { Held } from '../ledger/task-checkpoints.js';
import { CancelRequested, LeaseLost } from './stop-reasons.js';

export interface LeaseOptions {
  readonly leaseMs: number;
  readonly clock: Clock;
  /** When what `renew` extends was last extended, on the monotonic clock. */
  readonly heldSinceMs: number;
  /** Is a wish to cancel known already, and being fulfilled? */
  readonly cancelling: boolean;
  /** May the work not be stopped any more for a wish to cancel? */
  readonly tooLate: () => boolean;
  /** Extends the lease by `leaseMs`. Undefined where it is lost. */
  readonly renew: () => Promise<Held | undefined>;
}

/** Those who watch an upload see it move this often. */
const LONGEST_BEAT_MS = 1_000;

/** We stop before another may begin. */
const SAFETY = 0.9;

/**
 * Keeps a task ours while we work on it. Our time is counted from before the statement that extended it, on a clock
 * that nobody sets, and ends a little earlier than the lease: whoever takes the task over never meets us. A database
 * that is away is no reason to stop before that.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #controller = new AbortController();
  #heldUntilMs: number;
  #beat: NodeJS.Timeout | undefined;
  #end: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
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

  /** Extends the lease now, and hears what has changed. Never fails: a lease that cannot be extended runs out. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** A statement that was begun at `sinceMs` has extended the lease. @throws LeaseLost, CancelRequested */
  extended(held: Held | undefined, sinceMs: number): void {
    if (!held) this.abort(new LeaseLost());
    else {
      this.#heldUntilMs = Math.max(this.#heldUntilMs, this.#endOf(sinceMs));
      this.#isUnwanted ||= held.cancel_requested_at !== null;
      const { cancelling, tooLate } = this.#options;
      if (this.#isUnwanted && !cancelling && !tooLate()) this.abort(new CancelRequested());
    }
    this.signal.throwIfAborted();
  }

  /** The work is over: the lease is not extended any more. Resolves when no statement of its own is under way. */
  async close(): Promise<void> {
    this.#over = true;
    clearTimeout(this.#beat);
    clearTimeout(this.#end);
    await this.#renewing;
  }

  async #renew(): Promise<void> {
    const sinceMs = this.#options.clock.monotonicMs();
    try {
      this.extended(await this.#options.renew(), sinceMs);
    } catch {
      // Heard by those who listen to the signal, or the database is away.
    }
    this.#wait();
  }

  #wait(): void {
    clearTimeout(this.#beat);
    clearTimeout(this.#end);
    if (this.#over) return;
    const { leaseMs, clock } = this.#options;
    this.#beat = setTimeout(() => void this.renew(), Math.min(LONGEST_BEAT_MS, leaseMs / 4));
    this.#end = setTimeout(
      () => {
        if (!this.isHeld) this.abort(new LeaseLost());
      },
      Math.ceil(this.#heldUntilMs - clock.monotonicMs()) + 1,
    );
  }

  #endOf(sinceMs: number): number {
    return sinceMs + this.#options.leaseMs * SAFETY;
  }
}
