import { Injectable } from '@nestjs/common';
import { UploadLimits } from '../../ingest/upload-limits.js';
import type { Pump } from '../../ingest/upload-source.js';
import { readUploadFields } from '../../ingest/upload-fields.js';
import { HttpUploadSettings } from '../http/http-upload-settings.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { pumpRequest } from '../http/pump-request.js';
import {
  checkBodyThere,
  checkIdentity,
  contentLength,
  declaredSha256,
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
  open(exchange: HttpExchange): Pump {
    const { request } = exchange;
    checkIdentity(request);
    const length = contentLength(request);
    this.limits.checkDeclaredBytes(length);
    checkBodyThere(request);
    const contentType = rawContentType(request);
    this.limits.checkDeclaredType(contentType);
    const filename = dispositionFilename(request);
    const head = { filename, contentType, length, declaredSha256: declaredSha256(request) };
    return (sink, stop) => {
      const file = sink.begin({ ...head, fields: readUploadFields(new Map()) });
      return pumpRequest(exchange, file, { sink, stop, pace: this.settings.pace });
    };
  }
}
