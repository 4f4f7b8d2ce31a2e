import { ServiceError } from '../errors/service-error.js';
import { isFair, type Place, type Room, Tally } from './tally.js';

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
  /** Whose call it is: he gets no more than his share. Absent: nobody's in particular. */
  readonly caller?: string;
  readonly signal: AbortSignal;
  /** Ends the wait as well: nobody waits for what has not begun. */
  readonly abandoned?: AbortSignal;
  /** Ends this one's wait. */
  readonly stopped?: AbortSignal;
}

export interface BulkheadStats {
  readonly inflight: number;
  readonly queued: number;
  readonly inflightBytes: number;
  /** Calls that were turned away since the start. */
  readonly rejected: number;
}

/** What a call needs to be let in. */
interface Wanted {
  readonly weight: number;
  readonly caller: string | undefined;
}

interface Waiter extends Wanted {
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
  readonly #callers = new Map<string, Tally>();
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

  get free(): Room {
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
  async acquire(call: BulkheadCall): Promise<Place> {
    const { signal, abandoned, stopped } = call;
    signal.throwIfAborted();
    const place = this.tryAcquire(call);
    if (place) return place;
    if (this.#waiters.size >= this.settings.maxQueued) throw this.#full();
    abandoned?.throwIfAborted();
    const signals = [signal, abandoned, stopped].filter((each) => each !== undefined);
    return this.#queue(this.#wanted(call), signals);
  }

  /** Gives a call its place where there is one for it now. */
  tryAcquire(call: Pick<BulkheadCall, 'bytes' | 'caller'>): Place | undefined {
    const wanted = this.#wanted(call);
    return this.#fits(wanted) ? this.#admit(wanted) : undefined;
  }

  #wanted({ bytes, caller }: Pick<BulkheadCall, 'bytes' | 'caller'>): Wanted {
    return { weight: this.weightOf(bytes), caller };
  }

  #fits({ weight, caller }: Wanted): boolean {
    const { free } = this;
    if (this.#inflight.calls === 0) return true;
    if (free.calls <= 0) return false;
    if (caller === undefined) return weight <= free.bytes;
    return isFair(this.#callers.get(caller), weight, free);
  }

  #admit({ weight, caller }: Wanted): Place {
    const share = caller === undefined ? undefined : this.#shareOf(caller, weight);
    const { grow, release } = this.#inflight.add(weight, () => {
      share?.release();
      this.#admitWaiters();
    });
    return {
      grow: (bytes) => {
        share?.grow(bytes);
        grow(bytes);
      },
      release,
    };
  }

  #shareOf(caller: string, weight: number): Place {
    const own = this.#callers.get(caller) ?? new Tally();
    this.#callers.set(caller, own);
    return own.add(weight, () => {
      if (own.calls === 0) this.#callers.delete(caller);
    });
  }

  #queue(wanted: Wanted, signals: readonly AbortSignal[]): Promise<Place> {
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
        ...wanted,
        admit: () => {
          leave();
          resolve(this.#admit(wanted));
        },
      };
      for (const signal of signals) signal.addEventListener('abort', onAbort);
      this.#waiters.add(waiter);
    });
  }

  #admitWaiters(): void {
    for (const waiter of this.#waiters) {
      if (this.free.calls <= 0) return;
      if (this.#fits(waiter)) waiter.admit();
    }
  }

  #full(): ServiceError {
    this.#rejected += 1;
    const { retryAfterMs } = this.settings;
    return new ServiceError('BULKHEAD_FULL', 'Too much is under way; try again later.', { retryAfterMs });
  }
}
