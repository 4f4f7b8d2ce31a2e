import { ServiceError } from '../errors/service-error.js';

export interface SharingSettings {
  /** How long a result or a failure is given to all who ask, in milliseconds from when it was there. */
  readonly maxAgeMs: number;
  /** Most callers that may wait for one result. */
  readonly maxWaiting: number;
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

/** Alone: the result is shared by those who wait for it. */
const DEFAULTS: SharingSettings = { maxAgeMs: 0, maxWaiting: Infinity, now: () => performance.now() };

/** Who comes when too many wait gets the last result, where it is no older. */
const MAX_STALE_MS = 10_000;
const RETRY_AFTER_MS = 1_000;

/**
 * Does `work` once for all who ask while it is under way, and for `maxAgeMs` after it has ended. However often it is asked
 * for, it runs one at a time, and again only when that time is over.
 */
export class SharedResult<T> {
  private readonly settings: SharingSettings;
  private result: Promise<T> | undefined;
  /** When the result was there; undefined while it is under way. */
  private settledAtMs: number | undefined;
  private waiting = 0;
  private last: { readonly value: T; readonly atMs: number } | undefined;

  constructor(
    private readonly work: () => Promise<T>,
    settings: Partial<SharingSettings> = {},
  ) {
    this.settings = { ...DEFAULTS, ...settings };
  }

  /** @throws what `work` throws; BULKHEAD_FULL when too many wait and there is no last result to give them */
  async get(): Promise<T> {
    const { maxAgeMs, maxWaiting, now } = this.settings;
    if (this.settledAtMs !== undefined && now() - this.settledAtMs >= maxAgeMs) this.result = undefined;
    const result = this.result ?? this.begin();
    if (this.settledAtMs !== undefined) return result;
    if (this.waiting >= maxWaiting) return this.lastResult();
    this.waiting += 1;
    return result;
  }

  private begin(): Promise<T> {
    this.settledAtMs = undefined;
    this.waiting = 0;
    this.result = this.run();
    return this.result;
  }

  private async run(): Promise<T> {
    try {
      const value = await this.work();
      this.last = { value, atMs: this.settings.now() };
      return value;
    } finally {
      this.settledAtMs = this.settings.now();
    }
  }

  private lastResult(): T {
    if (this.last && this.settings.now() - this.last.atMs < MAX_STALE_MS) return this.last.value;
    throw new ServiceError('BULKHEAD_FULL', 'Too many wait for this answer; try again later.', {
      retryAfterMs: RETRY_AFTER_MS,
    });
  }
}
