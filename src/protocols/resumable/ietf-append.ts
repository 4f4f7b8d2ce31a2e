import type { IncomingMessage } from 'node:http';
import { ServiceError } from '../../errors/service-error.js';
import type { Append, UploadState } from '../../resumption/resumable-upload.js';
import { invalidHeader } from '../http/invalid-header.js';
import { offsetMismatch } from '../http/offset-mismatch.js';
import { bodyBytes, checkIdentity } from '../http/request-headers.js';
import { omitsMediaType } from './interop-versions.js';
import { lengthMismatch } from './length-mismatch.js';
import { booleanField, integerField } from './structured-fields.js';
import type { UploadLimit } from './upload-limit.service.js';

const PARTIAL_UPLOAD = /^application\/partial-upload *(?:;|$)/i;

/** What a request says of the bytes that it brings. */
export interface AppendFields {
  readonly offset: number;
  /** Are they the last ones? */
  readonly isLast: boolean;
  /** Bytes of the whole file, where the request says so. */
  readonly length: number | undefined;
  /** Bytes that come, where that is known. */
  readonly bodyBytes: number | undefined;
  /** Do they come with the request that creates the upload? */
  readonly isCreation: boolean;
}

/** Looks at the head of a request that appends. @throws UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR */
export function appendFieldsOf(request: IncomingMessage): AppendFields {
  const mediaType = request.headers['content-type'];
  const isPartialUpload = mediaType === undefined ? omitsMediaType(request) : PARTIAL_UPLOAD.test(mediaType);
  if (!isPartialUpload)
    throw new ServiceError('UNSUPPORTED_MEDIA_TYPE', 'Bytes are appended as `application/partial-upload`.');
  checkIdentity(request);
  const offset = integerField(request, 'upload-offset');
  if (offset === undefined) throw invalidHeader('Upload-Offset', 'must be a number of bytes');
  const isLast = booleanField(request, 'upload-complete');
  if (isLast === undefined) throw invalidHeader('Upload-Complete', 'must be `?1` or `?0`');
  const length = integerField(request, 'upload-length');
  return { offset, isLast, length, bodyBytes: bodyBytes(request), isCreation: false };
}

/** Decides on the bytes of a request, when it has the upload for itself. */
export class AppendPlan {
  #isLengthKnown = false;
  #isRepeat = false;

  constructor(
    readonly fields: AppendFields,
    private readonly limit: UploadLimit,
    private readonly bytes: Pick<Append, 'check' | 'digests' | 'onSynced' | 'pump'>,
  ) {}

  /** Is the length of the whole file known, by this request at the latest? */
  get isLengthKnown(): boolean {
    return this.#isLengthKnown;
  }

  /** Was the upload complete already? */
  get isRepeat(): boolean {
    return this.#isRepeat;
  }

  /**
   * What is to be appended; undefined where the upload is complete, and only what became of it is asked again.
   * @throws LENGTH_MISMATCH, OFFSET_MISMATCH, APPEND_TOO_LARGE, APPEND_TOO_SMALL, FILE_TOO_LARGE
   */
  readonly decide = (state: UploadState): Append | undefined => {
    const { offset, isLast, bodyBytes: declaredBytes } = this.fields;
    const length = this.lengthOf(state);
    if (offset !== state.offset) throw offsetMismatch(state.offset, offset);
    if (state.isComplete) return this.nothing();
    if (!this.fields.isCreation) this.limit.checkAppend(declaredBytes, isLast);
    const end = declaredBytes === undefined ? undefined : offset + declaredBytes;
    if (length === undefined) this.limit.checkFileBytes(end);
    if (isLast && end !== undefined && end < (length ?? 0))
      throw lengthMismatch(`The last byte is said to be at ${end}, and the file has ${length} bytes.`);
    return { declaredBytes, length, isLast, onOverflow: 'end', ...this.bytes };
  };

  /** @throws LENGTH_MISMATCH, FILE_TOO_LARGE */
  private lengthOf(state: UploadState): number | undefined {
    const { length } = this.fields;
    if (length !== undefined && length !== state.length) this.checkLength(length, state);
    const known = length ?? state.length;
    this.#isLengthKnown = known !== undefined;
    return known;
  }

  /** @throws LENGTH_MISMATCH, FILE_TOO_LARGE */
  private checkLength(length: number, state: UploadState): void {
    if (state.length !== undefined)
      throw lengthMismatch(`Upload-Length is ${length}, and the file has ${state.length} bytes.`);
    this.limit.checkFileBytes(length);
    if (length < state.offset)
      throw lengthMismatch(`Upload-Length is ${length}, and ${state.offset} bytes are here.`);
  }

  /** @throws LENGTH_MISMATCH */
  private nothing(): undefined {
    this.#isRepeat = true;
    if (this.fields.bodyBytes) throw isComplete();
  }
}

/** Bytes came for an upload that has all of its own. */
export function isComplete(): ServiceError {
  return lengthMismatch('The upload is complete; there is nothing to append.', { 'Upload-Complete': '?1' });
}
