import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { ServiceError } from '../../errors/service-error.js';
import type { UploadState } from '../../resumption/resumable-upload.js';
import { UploadResources } from '../../resumption/upload-resources.service.js';
import type { UploadExchange } from '../http/upload-exchange.js';
import { HttpUploads } from '../http-uploads.service.js';
import { IetfAnswers } from './ietf-answers.service.js';
import { IETF_PROTOCOL, IetfCreations } from './ietf-creations.service.js';
import { booleanField } from './structured-fields.js';

/** Raw uploads under the caller's own id that can be resumed: the upload is a resource beside the file that it becomes. */
@Injectable()
export class IetfFiles {
  constructor(
    private readonly resources: UploadResources,
    private readonly creations: IetfCreations,
    private readonly answers: IetfAnswers,
    private readonly uploads: HttpUploads,
  ) {}

  /** Does a raw upload want to be resumed where that is needed? */
  isWantedBy(request: Request): boolean {
    return booleanField(request, 'upload-complete') !== undefined;
  }

  /**
   * Takes an upload. One of this id that is there already is gone on with at its first byte; of one that has more, the client is
   * told how many. One that is complete is compared, as a raw upload is whose id is known.
   */
  put(exchange: UploadExchange, uploadId: string): Promise<void> {
    this.answers.greet(exchange, true);
    return this.answers.guard(exchange, uploadId, async () => {
      const opened = this.creations.open(exchange, uploadId, false);
      const seen = await this.find(exchange, uploadId);
      if (seen?.isComplete && opened.creation.isLast) return this.repeat(exchange, uploadId);
      this.answers.locate(exchange, uploadId);
      await this.creations.take(opened, seen ?? (await this.creations.begin(opened)));
    });
  }

  /** @throws CONFLICT for an upload of another protocol; as `UploadResources.findIfThere` */
  private async find({ caller }: UploadExchange, uploadId: string): Promise<UploadState | undefined> {
    const state = await this.resources.findIfThere(uploadId, caller);
    if (state && state.protocol !== IETF_PROTOCOL)
      throw new ServiceError('CONFLICT', 'The id is that of an upload of another protocol.');
    return state;
  }

  private async repeat(exchange: UploadExchange, uploadId: string): Promise<void> {
    const result = await this.uploads.raw(exchange, exchange.caller, uploadId);
    this.answers.finished(exchange, uploadId, result);
  }
}
