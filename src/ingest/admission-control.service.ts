import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import type { ErrorCode } from '../errors/catalogue.js';
import { Deliveries } from '../delivery/deliveries.service.js';
import { annotateSpan } from '../observability/current-span.js';
import { Metrics } from '../observability/metrics.service.js';
import type { MeasuredUpload, UploadOutcome } from '../observability/upload-metrics.js';
import { Bulkhead } from '../outbound/bulkhead.js';
import { KeyedBulkhead } from '../outbound/keyed-bulkhead.js';
import type { Place } from '../outbound/tally.js';
import { type ActiveUpload, ActiveUploads } from './active-uploads.service.js';
import type { PlacementWish } from './file-to-place.js';
import { outcomeOf } from './upload-outcome.js';
import { toServiceError } from '../errors/to-service-error.js';
import type { UploadResult } from './upload-result.js';
import type { UploadSource } from './upload-source.js';

/** What one turned away is told to wait. */
const RETRY_AFTER_MS = 1_000;

/** What wants a place; `Pump` is what moves its bytes. */
export interface AdmissibleUpload<Pump> extends Omit<UploadSource, 'idIsCallers' | 'open'> {
  /** Does it go on with an upload that is here already? Then it is taken while no new ones are. */
  readonly goesOn?: boolean;
  /** Looks at all that is known before the first byte, and opens nothing. @throws what is wrong with it */
  open(): Pump;
}

/** An upload that has a place. */
export interface AdmittedUpload<Pump> {
  readonly pump: Pump;
  readonly active: ActiveUpload;
  readonly measured: MeasuredUpload;
  readonly wish: PlacementWish;
  /** So many bytes have come in all: what the upload holds grows with them. @throws SPOOL_FULL */
  readonly received: (bytes: number) => void;
}

/**
 * Lets as many uploads in as the process can carry, and as one caller may have, before a byte of them is read. Each is
 * counted first, so that those that wait or are turned away count as well.
 */
@Injectable()
export class AdmissionControl {
  private readonly uploads: Bulkhead;
  private readonly callers: KeyedBulkhead;
  /** Is what cannot be stored now kept for later? */
  private readonly deliversLater: boolean;

  constructor(
    config: ConfigService<Environment, true>,
    private readonly metrics: Metrics,
    private readonly active: ActiveUploads,
    private readonly deliveries: Deliveries,
  ) {
    this.deliversLater = config.get('DELIVER_LATER', { infer: true });
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
   * Does `take` once there is a place for the upload. Who waits for one and leaves, leaves the queue at once.
   * @throws what `take` and the source throw; RATE_LIMITED, BULKHEAD_FULL, SHUTTING_DOWN, DRAINING, UPLOAD_IN_PROGRESS; SPOOL_FULL for
   * one that is certain to go to the spool
   */
  async run<Pump, Result extends { readonly outcome: UploadResult['outcome'] | 'received' }>(
    source: AdmissibleUpload<Pump>,
    take: (upload: AdmittedUpload<Pump>) => Promise<Result>,
  ): Promise<Result> {
    annotateSpan({ 'ingester.upload.id': source.uploadId });
    const measured = this.metrics.uploads.begin(source.protocol);
    const active = this.active.enter(source, measured);
    const end = (outcome: UploadOutcome, code?: ErrorCode): void => {
      this.active.recent.add(active.progress, outcome, code);
      measured.end(outcome);
    };
    try {
      // Before any limit is asked: who is told to wait a moment would come back to a closed port.
      if (source.goesOn) this.active.draining.throwIfAborted();
      else this.active.requireNew();
      // What is refused in any case waits for nobody, and has nobody wait for it.
      const pump = source.open();
      const wish = this.wishOf(source.wantsAsync);
      const result = await this.holdPlace(source, active, (received) =>
        this.enter(source, wish, active, () => take({ pump, active, measured, wish, received })),
      );
      end(result.outcome === 'repeated' ? 'stored' : result.outcome);
      return result;
    } catch (error) {
      end(outcomeOf(error), toServiceError(error).code);
      throw error;
    } finally {
      active.finish();
    }
  }

  /** Where a file is to go whose client wants his answer before it is stored, or does not. */
  wishOf(wantsAsync: boolean): PlacementWish {
    if (!this.deliversLater) return 'store';
    return wantsAsync ? 'keep' : 'store-or-keep';
  }

  private async holdPlace<T>(
    source: AdmissibleUpload<unknown>,
    active: ActiveUpload,
    work: (received: AdmittedUpload<never>['received']) => Promise<T>,
  ): Promise<T> {
    const { caller, declaredBytes, uploadId, clientGone } = source;
    // Since the head came somebody may have waited, as for the keys that verify the token.
    clientGone.throwIfAborted();
    const share = this.callers.acquire(caller.subject, this.uploads.weightOf(declaredBytes));
    let place: Place | undefined;
    try {
      place = await this.uploads.acquire({
        bytes: declaredBytes,
        caller: caller.subject,
        signal: clientGone,
        abandoned: this.active.draining,
        stopped: active.signal,
      });
      const { grow } = place;
      return await work((bytes) => {
        share.grow(bytes);
        grow(bytes);
        this.deliveries.received(uploadId, bytes);
      });
    } finally {
      place?.release();
      share.release();
    }
  }

  private async enter<T>(
    { uploadId, declaredBytes }: AdmissibleUpload<unknown>,
    wish: PlacementWish,
    active: ActiveUpload,
    take: () => Promise<T>,
  ): Promise<T> {
    this.active.begin(active);
    try {
      if (wish === 'keep') this.deliveries.admit(uploadId, declaredBytes);
      return await take();
    } finally {
      // Reserved here, or where no storage element took it.
      this.deliveries.release(uploadId);
      active.finish();
    }
  }
}
