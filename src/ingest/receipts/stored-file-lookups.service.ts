import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Caller } from '../../auth/caller.js';
import type { Environment } from '../../config/environment.js';
import { Metrics } from '../../observability/metrics.service.js';
import { KeyedBulkhead } from '../../outbound/keyed-bulkhead.js';
import { KeyedSingleFlight } from './keyed-single-flight.js';
import { type FileSearch, StorageGateway } from '../../storage/storage-gateway.service.js';

/** What one turned away is told to wait. */
const RETRY_AFTER_MS = 1_000;
/** Most callers at once, whatever each of them may have. */
const MAX_CALLERS = 1_000;

/**
 * Looks files up in the storage by ids that callers name. Each lookup asks every element that is written to, so that one
 * caller has only so many at once, and those of one id share them.
 */
@Injectable()
export class StoredFileLookups {
  private readonly callers: KeyedBulkhead;
  private readonly searches: KeyedSingleFlight<FileSearch>;

  constructor(config: ConfigService<Environment, true>, metrics: Metrics, storage: StorageGateway) {
    const mostLookups = shareOfQuestions(config);
    this.callers = new KeyedBulkhead('lookups', {
      maxCallsPerKey: config.get('MAX_LOOKUPS_PER_CALLER', { infer: true }),
      maxKeys: MAX_CALLERS,
      free: () => ({ calls: mostLookups - this.callers.stats.inflight, bytes: Infinity }),
      callsAre: 'receipts that are looked up in the storage',
      retryAfterMs: RETRY_AFTER_MS,
    });
    // Each call has its own time limit, and nothing is to be undone when a client leaves.
    this.searches = new KeyedSingleFlight((uploadId) => storage.find(uploadId, new AbortController().signal));
    metrics.outbound.watchBulkheads(() => [this.callers.reading]);
  }

  /** Never older than the call. @throws RATE_LIMITED, BULKHEAD_FULL */
  async find(uploadId: string, caller: Caller): Promise<FileSearch> {
    const { release } = this.callers.acquire(caller.subject);
    try {
      return await this.searches.run(uploadId);
    } finally {
      release();
    }
  }
}

/** Lookups that leave half of all questions to the storage for those that come before a `PUT`. */
function shareOfQuestions(config: ConfigService<Environment, true>): number {
  const elements = config.get('STORAGE_ELEMENTS', { infer: true }).length;
  return Math.floor(config.get('STORAGE_MAX_CALLS', { infer: true }) / (2 * elements));
}
