import { Injectable } from '@nestjs/common';
import { toServiceError } from '../../errors/to-service-error.js';
import type { Bringer } from '../../resumption/resumable-upload.js';
import { type AppendOutcome, UploadAppends } from '../../resumption/upload-appends.service.js';
import { HttpUploadSettings } from '../http/http-upload-settings.js';
import { noMoreBytes } from '../http/no-more-bytes.js';
import { digestsOfPiece } from '../http/request-digests.js';
import { forBringer, pumpOf, type UploadExchange } from '../http/upload-exchange.js';
import { type AppendFields, AppendPlan, isComplete } from './ietf-append.js';
import { IetfAnswers } from './ietf-answers.service.js';
import { lengthMismatch } from './length-mismatch.js';
import { UploadLimit } from './upload-limit.service.js';

/** Takes the bytes of requests. */
@Injectable()
export class IetfBytes {
  constructor(
    private readonly appends: UploadAppends,
    private readonly answers: IetfAnswers,
    private readonly limit: UploadLimit,
    private readonly settings: HttpUploadSettings,
  ) {}

  /** What is to become of the bytes of a request; `onBegin` is called ahead of them. @throws VALIDATION_ERROR */
  planOf(exchange: UploadExchange, fields: AppendFields, onBegin: () => void = () => undefined): AppendPlan {
    const { content, file } = digestsOfPiece(exchange.request);
    const pump = pumpOf(exchange, this.settings.pace);
    return new AppendPlan(fields, this.limit, {
      check: content && {
        update: (chunk) => content.update(chunk),
        verify: () => content.finish(),
      },
      digests: fields.isLast ? file : undefined,
      onSynced: this.answers.progressOf(exchange),
      pump: (sink, stop) => {
        onBegin();
        return pump(this.limit.counted(sink), stop);
      },
    });
  }

  /** Takes what was planned, and answers. @throws LENGTH_MISMATCH; as `UploadAppends.append` */
  async take(exchange: UploadExchange, uploadId: string, plan: AppendPlan, isNew: boolean): Promise<void> {
    const { isLast, bodyBytes } = plan.fields;
    const { state, result } = await forBringer(exchange, async (bringer) => {
      const outcome = await this.append(uploadId, bringer, plan);
      if (plan.isRepeat && bodyBytes === undefined)
        await pumpOf(exchange, this.settings.pace)(noMoreBytes(isComplete), bringer.clientGone);
      return outcome;
    });
    if (result) this.answers.finished(exchange, uploadId, result);
    else if (isLast)
      throw lengthMismatch(`The file has ${state.length} bytes, and ${state.offset} are here.`);
    else this.answers.received(exchange, state, isNew);
  }

  /** More bytes than were declared are no file that is too large. */
  private async append(uploadId: string, bringer: Bringer, plan: AppendPlan): Promise<AppendOutcome> {
    try {
      return await this.appends.append(uploadId, bringer, plan.decide);
    } catch (error) {
      const isOverflow = toServiceError(error).code === 'FILE_TOO_LARGE' && plan.isLengthKnown;
      throw isOverflow ? lengthMismatch('More bytes came than the file has.') : error;
    }
  }
}
