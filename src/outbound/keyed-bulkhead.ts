import { ServiceError } from '../errors/service-error.js';
import type { BulkheadReading } from '../observability/outbound-metrics.js';
import { isFair, type Place, type Room, Tally } from './tally.js';

export interface KeyedBulkheadSettings {
  /** Most calls in flight of one key. */
  readonly maxCallsPerKey: number;
  /** Most keys with calls in flight at once. */
  readonly maxKeys: number;
  /** What is left for all keys, so that each may have a fair part of it only. Absent: there is no limit but the number. */
  readonly free?: () => Room;
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
  readonly #inflight = new Map<string, Tally>();
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
   * Gives the call of `key`, which counts as `bytes`, its place.
   * @throws RATE_LIMITED when that key has its share in flight, BULKHEAD_FULL when too many keys have any
   */
  acquire(key: string, bytes = 0): Place {
    const { maxCallsPerKey, maxKeys, free, callsAre } = this.settings;
    const own = this.#inflight.get(key) ?? new Tally();
    if (own.calls >= maxCallsPerKey)
      throw this.#rateLimited(`No more than ${maxCallsPerKey} ${callsAre} at once.`);
    if (free && !isFair(own, bytes, free()))
      throw this.#rateLimited(`Others need room for their ${callsAre} as well.`);
    if (own.calls === 0 && this.#inflight.size >= maxKeys) {
      const { retryAfterMs } = this.settings;
      throw this.#reject(new ServiceError('BULKHEAD_FULL', 'Too many callers at once.', { retryAfterMs }));
    }
    this.#inflight.set(key, own);
    this.#total += 1;
    return own.add(bytes, () => {
      this.#total -= 1;
      if (own.calls === 0) this.#inflight.delete(key);
    });
  }

  #rateLimited(detail: string): ServiceError {
    const { retryAfterMs } = this.settings;
    return this.#reject(new ServiceError('RATE_LIMITED', detail, { retryAfterMs }));
  }

  #reject(error: ServiceError): ServiceError {
    this.#rejected += 1;
    return error;
  }
}
