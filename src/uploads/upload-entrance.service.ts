import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { Metrics } from '../observability/metrics.service.js';
import type { MeasuredUpload, UploadRoute } from '../observability/upload-metrics.js';
import { UploadAdmission } from './upload-admission.service.js';
import { outcomeOf } from './upload-outcome.js';

/** Where every upload comes in: counted first, so that those that wait or are turned away count as well. */
@Injectable()
export class UploadEntrance {
  constructor(
    private readonly admission: UploadAdmission,
    private readonly metrics: Metrics,
  ) {}

  /** Does `upload` once there is a place for it. @throws what `upload` throws, and RATE_LIMITED, BULKHEAD_FULL */
  async run<T>(
    route: UploadRoute,
    request: IncomingMessage,
    caller: Caller,
    upload: (measured: MeasuredUpload) => Promise<T>,
  ): Promise<T> {
    const measured = this.metrics.uploads.begin(route);
    try {
      const result = await this.admission.run(request, caller, () => upload(measured));
      measured.end('stored');
      return result;
    } catch (error) {
      measured.end(outcomeOf(error));
      throw error;
    }
  }
}
