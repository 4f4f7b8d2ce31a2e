import { Injectable } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import { UploadLimits } from '../../ingest/upload-limits.js';
import type { Append, BodyCheck, UploadState } from '../../resumption/resumable-upload.js';
import { UploadAppends } from '../../resumption/upload-appends.service.js';
import { UploadResources } from '../../resumption/upload-resources.service.js';
import { HttpUploadSettings } from '../http/http-upload-settings.js';
import { noMoreBytes } from '../http/no-more-bytes.js';
import { announcesTrailer, bodyBytes } from '../http/request-headers.js';
import { forBringer, pumpOf, type UploadExchange } from '../http/upload-exchange.js';
import { noRoom, planOf } from './tus-appends.js';
import { checkBody, readChecksum } from './tus-checksum.js';
import { bytesIn, isOffsetStream, textIn } from './tus-headers.js';

/** What is to be done with a body, by what the upload is when it is its turn. */
export type TusPlan = (state: UploadState) => Append | undefined;

/** Takes the bytes of requests. */
@Injectable()
export class TusBodies {
  constructor(
    private readonly appends: UploadAppends,
    private readonly resources: UploadResources,
    private readonly limits: UploadLimits,
    private readonly settings: HttpUploadSettings,
  ) {}

  /** @throws FILE_TOO_LARGE for a file of so many bytes */
  checkLength(length: number | undefined): void {
    this.limits.checkDeclaredBytes(length);
  }

  /** What is to be done with the body of a request that begins at `offset`, which may be found wrong when it is asked for. */
  planOf(exchange: UploadExchange, offset: () => number | undefined): TusPlan {
    const { request } = exchange;
    const { headers } = request;
    const body = {
      offset,
      length: () => bytesIn(headers, 'Upload-Length'),
      declaredBytes: bodyBytes(request),
      isOffsetStream: isOffsetStream(headers),
      check: () => checkOf(exchange),
      pump: pumpOf(exchange, this.settings.pace),
    };
    return planOf(body, this.limits);
  }

  /** What is to be done with the body of a creation. @throws FILE_TOO_LARGE, VALIDATION_ERROR */
  planOfCreation(exchange: UploadExchange, length = this.limits.maxFileBytes): TusPlan {
    if ((bodyBytes(exchange.request) ?? 0) > length) throw noRoom(length);
    checkOf(exchange);
    return this.planOf(exchange, () => 0);
  }

  /**
   * Takes what was planned, and says what can be said beside a refusal. @throws as `UploadAppends.append`
   */
  async take(exchange: UploadExchange, uploadId: string, plan: TusPlan): Promise<UploadState> {
    try {
      return await this.append(exchange, uploadId, plan);
    } catch (error) {
      if (error instanceof ServiceError) await this.explain(exchange, uploadId, error);
      throw error;
    }
  }

  private append(exchange: UploadExchange, uploadId: string, plan: TusPlan): Promise<UploadState> {
    return forBringer(exchange, async (bringer) => {
      let isRepeat = false;
      const { state } = await this.appends.append(uploadId, bringer, (seen) => {
        const append = plan(seen);
        isRepeat = append === undefined;
        return append;
      });
      // That a body which is chunked has no bytes shows only when it is read.
      if (isRepeat && bodyBytes(exchange.request) === undefined)
        await pumpOf(exchange, this.settings.pace)(
          noMoreBytes(() => noRoom(0)),
          bringer.clientGone,
        );
      return state;
    });
  }

  private async explain(
    { response, caller }: UploadExchange,
    uploadId: string,
    { code }: ServiceError,
  ): Promise<void> {
    // tus 1.0, checksum; the status is registered nowhere, so that Node has no phrase for it.
    if (code === 'CHECKSUM_MISMATCH') response.statusMessage = 'Checksum Mismatch';
    if (code !== 'SPOOL_FULL') return;
    // What there was room for counts: the client is told, so that it need not ask.
    const state = await this.resources.find(uploadId, caller).catch(() => undefined);
    if (state) response.setHeader('Upload-Offset', state.offset);
  }
}

/** @throws VALIDATION_ERROR */
function checkOf({ request }: UploadExchange): BodyCheck | undefined {
  const header = textIn(request.headers, 'Upload-Checksum');
  const late = (): string | undefined => request.trailers['upload-checksum'];
  return checkBody(
    header === undefined ? undefined : readChecksum(header),
    announcesTrailer(request, 'Upload-Checksum') ? late : undefined,
  );
}
