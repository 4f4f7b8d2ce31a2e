import type { IncomingMessage } from 'node:http';
import { ServiceError } from '../../errors/service-error.js';
import { readUploadFields } from '../../ingest/upload-fields.js';
import type { NewUpload } from '../../resumption/resumable-upload.js';
import { bodyBytes, checkIdentity, dispositionFilename, rawContentType } from '../http/request-headers.js';
import { declaredFileDigests } from '../http/request-digests.js';
import { lengthMismatch } from './length-mismatch.js';
import { booleanField, integerField } from './structured-fields.js';
import type { UploadLimit } from './upload-limit.service.js';

/** What a request creates. */
export interface Creation extends Pick<NewUpload, 'head' | 'digests' | 'endsWhenTold'> {
  /** Does the request bring all bytes, as far as its client knows? */
  readonly isLast: boolean;
}

/**
 * Looks at the head of a request that creates an upload; its type and name are those of the file, as in a raw upload.
 * @throws VALIDATION_ERROR, LENGTH_MISMATCH, FILE_TOO_LARGE, APPEND_TOO_LARGE, APPEND_TOO_SMALL, UNSUPPORTED_MEDIA_TYPE
 */
export function creationOf(request: IncomingMessage, limit: UploadLimit): Creation {
  const isLast = booleanField(request, 'upload-complete');
  if (isLast === undefined) {
    throw new ServiceError('VALIDATION_ERROR', 'An upload is created with `Upload-Complete: ?1` or `?0`.');
  }
  const length = lengthOf(request, isLast, limit);
  // An upload may be created without a byte.
  limit.checkAppend(bodyBytes(request) || undefined, isLast);
  checkIdentity(request);
  const contentType = rawContentType(request);
  const head = {
    filename: dispositionFilename(request),
    contentType,
    length,
    fields: readUploadFields(new Map()),
  };
  // Who sends all bytes with the first request, and says how many they are, has said when the upload is complete.
  const endsWhenTold = !isLast || !length;
  return { isLast, head, digests: declaredFileDigests(request), endsWhenTold };
}

/** @throws FILE_TOO_LARGE, LENGTH_MISMATCH */
function lengthOf(request: IncomingMessage, isLast: boolean, limit: UploadLimit): number | undefined {
  const declared = integerField(request, 'upload-length');
  const body = bodyBytes(request);
  limit.checkFileBytes(declared);
  limit.checkFileBytes(body);
  if (declared === undefined) return isLast ? body : undefined;
  if (body === undefined) return declared;
  if (body > declared || (isLast && body < declared))
    throw lengthMismatch(`The request has ${body} bytes, and Upload-Length is ${declared}.`);
  return declared;
}
