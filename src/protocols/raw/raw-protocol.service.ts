import { Injectable } from '@nestjs/common';
import { UploadLimits } from '../../ingest/upload-limits.js';
import type { Pump } from '../../ingest/upload-source.js';
import { readUploadFields } from '../../ingest/upload-fields.js';
import { HttpUploadSettings } from '../http/http-upload-settings.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { type OpenedRequest, pumpRequest } from '../http/pump-request.js';
import { digestsOfFile } from '../http/request-digests.js';
import {
  checkBodyThere,
  checkIdentity,
  contentLength,
  dispositionFilename,
  rawContentType,
} from '../http/request-headers.js';

/** A file is the whole body of a request. */
@Injectable()
export class RawProtocol {
  constructor(
    private readonly settings: HttpUploadSettings,
    private readonly limits: UploadLimits,
  ) {}

  /** Looks at the head of a request. @throws UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR, FILE_TOO_LARGE, EMPTY_FILE */
  open(exchange: HttpExchange): OpenedRequest {
    const { request } = exchange;
    checkIdentity(request);
    const length = contentLength(request);
    this.limits.checkDeclaredBytes(length);
    checkBodyThere(request);
    const contentType = rawContentType(request);
    this.limits.checkDeclaredType(contentType);
    const filename = dispositionFilename(request);
    const digests = digestsOfFile(request);
    const head = { filename, contentType, length, digests: digests.file };
    const pump: Pump = (sink, stop) => {
      const file = sink.begin({ ...head, fields: readUploadFields(new Map()) });
      return pumpRequest(exchange, file, { sink, stop, pace: this.settings.pace });
    };
    return { pump, digests };
  }
}
