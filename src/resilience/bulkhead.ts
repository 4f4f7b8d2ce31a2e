import { ServiceError } from '../errors/service-error.js';

export interface BulkheadSettings {
  /** Most calls in flight. */
  readonly maxCalls: number;
  /** Most bytes that the calls in flight move together. */
  readonly maxBytes: number;
  /** What a call of unknown size counts as, in bytes. */
  readonly unknownBytes: number;
  /** Most calls that wait; 0 lets none wait. */
  readonly maxQueued: number;
  /** Longest wait, in milliseconds. */
  readonly maxWaitMs: number;
  /** What a call that is turned away is told to wait, in milliseconds. */
  readonly retryAfterMs: number;
}

/** A call that wants in. Its deadline is part of the signal, so that waiting counts. */
export interface BulkheadCall {
  /** Absent where not known. */
  readonly bytes?: number;
  readonly signal: AbortSignal;
  /** Ends the wait as well: nobody waits for what has not begun. */
  readonly abandoned?: AbortSignal;
}

/** Ends a call; a second time does nothing. */
export type Release = () => void;

export interface BulkheadStats {
  readonly inflight: number;
  readonly queued: number;
  readonly inflightBytes: number;
  /** Calls that were turned away since the start. */
  readonly rejected: number;
}

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

/**
 * Limits calls and bytes in flight, so that one slow target or one rush does not take all memory and connections.
 * Calls beyond it wait in the order in which they came; none passes another that is too large for the moment. A call
 * that is larger than the whole limit is let in alone.
 */
export class Bulkhead {
  readonly #waiters = new Set<Waiter>();
  #inflight = 0;
  #inflightBytes = 0;
  #rejected = 0;

  constructor(
    readonly name: string,
    private readonly settings: BulkheadSettings,
  ) {}

  get stats(): BulkheadStats {
    return {
      inflight: this.#inflight,
      queued: this.#waiters.size,
      inflightBytes: this.#inflightBytes,
      rejected: this.#rejected,
    };
  }

  /**
   * Gives the call its place, which it gives back by calling what it got.
   * @throws BULKHEAD_FULL when the queue is full or the wait too long; the reason of a signal as soon as it aborts
   */
  async acquire({ bytes, signal, abandoned }: BulkheadCall): Promise<Release> {
    signal.throwIfAborted();
    const release = this.tryAcquire(bytes);
    if (release) return release;
    if (this.#waiters.size >= this.settings.maxQueued) throw this.#full();
    abandoned?.throwIfAborted();
    return this.#queue(bytes, abandoned ? [signal, abandoned] : [signal]);
  }

  /** Gives a call its place where there is one now, and nobody waits for it. */
  tryAcquire(bytes = this.settings.unknownBytes): Release | undefined {
    return this.#waiters.size === 0 && this.#fits(bytes) ? this.#admit(bytes) : undefined;
  }

  #fits(bytes: number): boolean {
    if (this.#inflight === 0) return true;
    const { maxCalls, maxBytes } = this.settings;
    return this.#inflight < maxCalls && this.#inflightBytes + bytes <= maxBytes;
  }

  #admit(bytes: number): Release {
    this.#inflight += 1;
    this.#inflightBytes += bytes;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#inflight -= 1;
      this.#inflightBytes -= bytes;
      this.#admitWaiters();
    };
  }

  #queue(bytes = this.settings.unknownBytes, signals: readonly AbortSignal[] = []): Promise<Release> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        for (const signal of signals) signal.removeEventListener('abort', onAbort);
        this.#waiters.delete(waiter);
      };
      const giveUp = (error: unknown): void => {
        leave();
        reject(error);
        // Those behind may be small enough for the place that this one could not use.
        this.#admitWaiters();
      };
      const onAbort = (): void => giveUp(signals.find(({ aborted }) => aborted)?.reason);
      const timer = setTimeout(() => giveUp(this.#full()), this.settings.maxWaitMs);
      const waiter: Waiter = {
        bytes,
        admit: () => {
          leave();
          resolve(this.#admit(bytes));
        },
      };
      for (const signal of signals) signal.addEventListener('abort', onAbort);
      this.#waiters.add(waiter);
    });
  }

  #admitWaiters(): void {
    for (const { bytes, admit } of this.#waiters) {
      if (!this.#fits(bytes)) return;
      admit();
    }
  }

  #full(): ServiceError {
    this.#rejected += 1;
    const { retryAfterMs } = this.settings;
    return new ServiceError('BULKHEAD_FULL', 'Too much is under way; try again later.', { retryAfterMs });
  }
}
