import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { Deliveries } from '../delivery/deliveries.service.js';
import { Metrics } from '../observability/metrics.service.js';
import type { MeasuredUpload, UploadRoute } from '../observability/upload-metrics.js';
import { InFlightUploads, type UploadInFlight } from './in-flight-uploads.service.js';
import { contentLength } from './request-headers.js';
import { UploadAdmission } from './upload-admission.service.js';
import type { UploadAnswer } from './upload-answer.js';
import { outcomeOf } from './upload-outcome.js';
import type { Incoming } from './upload-reception.js';

/** A request that brings an upload, before anything of its body is read. */
export interface Arrival {
  readonly route: UploadRoute;
  readonly request: IncomingMessage;
  readonly caller: Caller;
  readonly uploadId: string;
  /** Is the file to be kept and stored later in any case, as the client asks? */
  readonly later: boolean;
  /** Says by the head alone how the file is taken; throws where it is not. */
  readonly open: () => Incoming;
}

type Take = (incoming: Incoming, measured: MeasuredUpload, inFlight: UploadInFlight) => Promise<UploadAnswer>;

/** Where every upload comes in: counted first, so that those that wait or are turned away count as well. */
@Injectable()
export class UploadEntrance {
  constructor(
    private readonly admission: UploadAdmission,
    private readonly inFlight: InFlightUploads,
    private readonly deliveries: Deliveries,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Does `take` once there is a place for the upload.
   * @throws what `open` and `take` throw, and RATE_LIMITED, BULKHEAD_FULL, SHUTTING_DOWN, UPLOAD_IN_PROGRESS; SPOOL_FULL for
   * one that is certain to go there
   */
  async run(arrival: Arrival, take: Take): Promise<UploadAnswer> {
    const { route, request, caller } = arrival;
    const measured = this.metrics.uploads.begin(route);
    try {
      // Before any limit is asked: who is told to wait a moment would come back to a closed port.
      this.inFlight.draining.throwIfAborted();
      // What is refused in any case waits for nobody, and has nobody wait for it.
      const incoming = arrival.open();
      const entering = { request, caller, closing: this.inFlight.draining };
      const answer = await this.admission.run(entering, ({ grow }) => {
        const onReceived = (bytes: number): void => {
          grow(bytes);
          this.deliveries.received(arrival.uploadId, bytes);
        };
        return this.enter(arrival, (inFlight) => take({ ...incoming, onReceived }, measured, inFlight));
      });
      measured.end(answer.outcome === 'accepted' ? 'accepted' : 'stored');
      return answer;
    } catch (error) {
      measured.end(outcomeOf(error));
      throw error;
    }
  }

  private async enter(
    { request, uploadId, later }: Arrival,
    take: (inFlight: UploadInFlight) => Promise<UploadAnswer>,
  ): Promise<UploadAnswer> {
    const inFlight = this.inFlight.begin(uploadId);
    try {
      if (later) this.deliveries.admit(uploadId, contentLength(request));
      return await take(inFlight);
    } finally {
      // Reserved here, or where no storage element took it.
      this.deliveries.release(uploadId);
      inFlight.finish();
    }
  }
}
