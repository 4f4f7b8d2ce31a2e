import { ServiceError } from '../errors/service-error.js';
import type { BulkheadReading } from '../observability/outbound-metrics.js';
import type { Release } from './bulkhead.js';

export interface KeyedBulkheadSettings {
  /** Most calls in flight of one key. */
  readonly maxCallsPerKey: number;
  /** Most keys with calls in flight at once. */
  readonly maxKeys: number;
  /** What the calls are, in the plural, as those are told who have too many. */
  readonly callsAre: string;
  /** What a call that is turned away is told to wait, in milliseconds. */
  readonly retryAfterMs: number;
}

export interface KeyedBulkheadStats {
  readonly inflight: number;
  readonly keys: number;
  /** Calls that were turned away since the start. */
  readonly rejected: number;
}

/** Limits the calls in flight of each key, as of each caller; nobody waits. Keys are forgotten with their last call. */
export class KeyedBulkhead {
  readonly #inflight = new Map<string, number>();
  #total = 0;
  #rejected = 0;

  constructor(
    readonly name: string,
    private readonly settings: KeyedBulkheadSettings,
  ) {}

  get stats(): KeyedBulkheadStats {
    return { inflight: this.#total, keys: this.#inflight.size, rejected: this.#rejected };
  }

  /** All keys are one: there may be any number of them. */
  get reading(): BulkheadReading {
    const { name, stats } = this;
    return { name, inflight: stats.inflight, rejected: stats.rejected, queued: 0, inflightBytes: 0 };
  }

  /**
   * Gives the call of `key` its place, which it gives back by calling what it got.
   * @throws RATE_LIMITED when that key has its share in flight, BULKHEAD_FULL when too many keys have any
   */
  acquire(key: string): Release {
    const { maxCallsPerKey, maxKeys, callsAre, retryAfterMs } = this.settings;
    const inflight = this.#inflight.get(key) ?? 0;
    if (inflight >= maxCallsPerKey) {
      const detail = `No more than ${maxCallsPerKey} ${callsAre} at once.`;
      throw this.#reject(new ServiceError('RATE_LIMITED', detail, { retryAfterMs }));
    }
    if (inflight === 0 && this.#inflight.size >= maxKeys) {
      throw this.#reject(new ServiceError('BULKHEAD_FULL', 'Too many callers at once.', { retryAfterMs }));
    }
    this.#inflight.set(key, inflight + 1);
    this.#total += 1;
    return this.#releaseOf(key);
  }

  #releaseOf(key: string): Release {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#total -= 1;
      const left = (this.#inflight.get(key) ?? 0) - 1;
      if (left > 0) this.#inflight.set(key, left);
      else this.#inflight.delete(key);
    };
  }

  #reject(error: ServiceError): ServiceError {
    this.#rejected += 1;
    return error;
  }
}
