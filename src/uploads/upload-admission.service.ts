import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Caller } from '../auth/caller.js';
import type { Environment } from '../config/environment.js';
import { departureOf, isGone } from '../errors/client-departure.js';
import { Metrics } from '../observability/metrics.service.js';
import { Bulkhead } from '../outbound/bulkhead.js';
import { KeyedBulkhead } from '../outbound/keyed-bulkhead.js';
import type { Place } from '../outbound/tally.js';
import { contentLength } from './request-headers.js';

/** What one turned away is told to wait. */
const RETRY_AFTER_MS = 1_000;

/** An upload that wants in. */
export interface Entering {
  readonly request: IncomingMessage;
  readonly caller: Caller;
  /** Ends the wait of those who are not in yet, when it aborts. */
  readonly closing: AbortSignal;
}

/** Lets as many uploads in as the process can carry, and as one caller may have, before a byte of them is read. */
@Injectable()
export class UploadAdmission {
  private readonly uploads: Bulkhead;
  private readonly callers: KeyedBulkhead;

  constructor(config: ConfigService<Environment, true>, metrics: Metrics) {
    const maxUploads = config.get('MAX_UPLOADS', { infer: true });
    this.uploads = new Bulkhead('uploads', {
      maxCalls: maxUploads,
      maxBytes: config.get('MAX_UPLOADS_BYTES', { infer: true }),
      unknownBytes: config.get('UNKNOWN_UPLOAD_BYTES', { infer: true }),
      maxQueued: config.get('MAX_UPLOADS_WAITING', { infer: true }),
      maxWaitMs: config.get('MAX_UPLOAD_WAIT_MS', { infer: true }),
      retryAfterMs: RETRY_AFTER_MS,
    });
    this.callers = new KeyedBulkhead('callers', {
      maxCallsPerKey: config.get('MAX_UPLOADS_PER_CALLER', { infer: true }),
      maxKeys: maxUploads + config.get('MAX_UPLOADS_WAITING', { infer: true }),
      free: () => this.uploads.free,
      callsAre: 'uploads',
      retryAfterMs: RETRY_AFTER_MS,
    });
    metrics.outbound.watchBulkheads(() => [
      { name: this.uploads.name, ...this.uploads.stats },
      this.callers.reading,
    ]);
  }

  /**
   * Does `work` while it holds a place, which grows with the bytes that it says have come. Who waits for one and leaves,
   * leaves the queue at once. A reset that comes behind bytes of the body is not seen while nobody reads those.
   * @throws RATE_LIMITED, BULKHEAD_FULL, CLIENT_CLOSED_REQUEST or what is wrong with the request, the reason of `closing`
   */
  async run<T>(entering: Entering, work: (place: Pick<Place, 'grow'>) => Promise<T>): Promise<T> {
    const { request, caller } = entering;
    // Since the head came somebody may have waited, as for the keys that verify the token.
    if (isGone(request)) throw departureOf(request);
    const bytes = contentLength(request);
    const share = this.callers.acquire(caller.subject, this.uploads.weightOf(bytes));
    try {
      const place = await this.enter(entering, bytes);
      try {
        return await work({
          grow: (total) => {
            share.grow(total);
            place.grow(total);
          },
        });
      } finally {
        place.release();
      }
    } finally {
      share.release();
    }
  }

  private async enter({ request, caller, closing }: Entering, bytes: number | undefined): Promise<Place> {
    const leaving = new AbortController();
    const leave = (): void => leaving.abort(departureOf(request));
    request.once('error', leave).once('close', leave);
    try {
      return await this.uploads.acquire({
        bytes,
        caller: caller.subject,
        signal: leaving.signal,
        abandoned: closing,
      });
    } finally {
      request.off('error', leave).off('close', leave);
    }
  }
}
