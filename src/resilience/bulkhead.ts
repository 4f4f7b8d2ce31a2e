import { ServiceError } from '../errors/service-error.js';
import { type Place, Tally } from './tally.js';

export interface BulkheadSettings {
  /** Most calls in flight. */
  readonly maxCalls: number;
  /** Most bytes that the calls in flight move together. */
  readonly maxBytes: number;
  /** What a call counts as whose size is not known, in bytes; one that says to be larger counts as no more before it is. */
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

export interface BulkheadStats {
  readonly inflight: number;
  readonly queued: number;
  readonly inflightBytes: number;
  /** Calls that were turned away since the start. */
  readonly rejected: number;
}

interface Waiter {
  readonly weight: number;
  readonly admit: () => void;
}

/**
 * Limits calls and bytes in flight, so that one slow target or one rush does not take all memory and connections.
 * Calls beyond it wait in the order in which they came, but hold up none that is small enough for the moment. A call
 * that is larger than the whole limit is let in alone.
 */
export class Bulkhead {
  readonly #waiters = new Set<Waiter>();
  readonly #inflight = new Tally();
  #rejected = 0;

  constructor(
    readonly name: string,
    private readonly settings: BulkheadSettings,
  ) {}

  get stats(): BulkheadStats {
    return {
      inflight: this.#inflight.calls,
      queued: this.#waiters.size,
      inflightBytes: this.#inflight.bytes,
      rejected: this.#rejected,
    };
  }

  /** What is left of the limits; bytes may be fewer than none, since calls grow. */
  get free(): { readonly calls: number; readonly bytes: number } {
    const { maxCalls, maxBytes } = this.settings;
    return { calls: maxCalls - this.#inflight.calls, bytes: maxBytes - this.#inflight.bytes };
  }

  /** What a call that says to be of `bytes` counts as when it comes: a word alone takes no room from others. */
  weightOf(bytes = this.settings.unknownBytes): number {
    return Math.min(bytes, this.settings.unknownBytes);
  }

  /**
   * Gives the call its place.
   * @throws BULKHEAD_FULL when the queue is full or the wait too long; the reason of a signal as soon as it aborts
   */
  async acquire({ bytes, signal, abandoned }: BulkheadCall): Promise<Place> {
    signal.throwIfAborted();
    const place = this.tryAcquire(bytes);
    if (place) return place;
    if (this.#waiters.size >= this.settings.maxQueued) throw this.#full();
    abandoned?.throwIfAborted();
    return this.#queue(this.weightOf(bytes), abandoned ? [signal, abandoned] : [signal]);
  }

  /** Gives a call its place where there is one now. */
  tryAcquire(bytes?: number): Place | undefined {
    const weight = this.weightOf(bytes);
    return this.#fits(weight) ? this.#admit(weight) : undefined;
  }

  #fits(weight: number): boolean {
    const { free } = this;
    return this.#inflight.calls === 0 || (free.calls > 0 && weight <= free.bytes);
  }

  #admit(weight: number): Place {
    return this.#inflight.add(weight, () => this.#admitWaiters());
  }

  #queue(weight: number, signals: readonly AbortSignal[]): Promise<Place> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        for (const signal of signals) signal.removeEventListener('abort', onAbort);
        this.#waiters.delete(waiter);
      };
      const giveUp = (error: unknown): void => {
        leave();
        reject(error);
      };
      const onAbort = (): void => giveUp(signals.find(({ aborted }) => aborted)?.reason);
      const timer = setTimeout(() => giveUp(this.#full()), this.settings.maxWaitMs);
      const waiter: Waiter = {
        weight,
        admit: () => {
          leave();
          resolve(this.#admit(weight));
        },
      };
      for (const signal of signals) signal.addEventListener('abort', onAbort);
      this.#waiters.add(waiter);
    });
  }

  #admitWaiters(): void {
    for (const { weight, admit } of this.#waiters) {
      if (this.free.calls <= 0) return;
      if (this.#fits(weight)) admit();
    }
  }

  #full(): ServiceError {
    this.#rejected += 1;
    const { retryAfterMs } = this.settings;
    return new ServiceError('BULKHEAD_FULL', 'Too much is under way; try again later.', { retryAfterMs });
  }
}
