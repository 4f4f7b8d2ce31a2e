import { Injectable } from '@nestjs/common';
import { UploadLimits } from '../../ingest/upload-limits.js';
import type { Pump } from '../../ingest/upload-source.js';
import { HttpUploadSettings } from '../http/http-upload-settings.js';
import type { HttpExchange } from '../http/http-exchange.js';
import { checkIdentity, contentLength, multipartBoundary } from '../http/request-headers.js';
import { CheckedContent } from '../http/checked-content.js';
import { type OpenedRequest, pumpRequest } from '../http/pump-request.js';
import { digestsOfForm } from '../http/request-digests.js';
import { FormBody } from './form-body.js';

/** A file comes as a part of a form (RFC 7578). */
@Injectable()
export class FormProtocol {
  constructor(
    private readonly settings: HttpUploadSettings,
    private readonly limits: UploadLimits,
  ) {}

  /** Looks at the head of a request. @throws UNSUPPORTED_MEDIA_TYPE, MALFORMED_MULTIPART, VALIDATION_ERROR, FILE_TOO_LARGE */
  open(exchange: HttpExchange): OpenedRequest {
    const { request } = exchange;
    const { settings } = this;
    const boundary = multipartBoundary(request);
    checkIdentity(request);
    const bodyBytes = contentLength(request);
    this.limits.checkDeclaredBytes(bodyBytes, settings.multipartOverheadBytes);
    const digests = digestsOfForm(request);
    const { content, file: fileDigests } = digests;
    const pump: Pump = (sink, stop) => {
      const { multipart: limits, maxFieldBytes: fieldBytes, pace } = settings;
      const body = new FormBody({ boundary, limits, fieldBytes, bodyBytes, fileDigests, sink });
      return pumpRequest(exchange, content ? new CheckedContent(content, body) : body, { sink, stop, pace });
    };
    return { pump, digests };
  }
}
