import { ServiceError } from '../../errors/service-error.js';
import type { UploadLimits } from '../../ingest/upload-limits.js';
import type { Append, AppendPump, BodyCheck, UploadState } from '../../resumption/resumable-upload.js';
import { offsetMismatch } from '../http/offset-mismatch.js';
import { badHeader, wrongType } from './tus-headers.js';

/** What a request says of its body; each header is read when it is its turn to be found wrong. */
export interface TusBody {
  /** `Upload-Offset`. @throws VALIDATION_ERROR */
  readonly offset: () => number | undefined;
  /** `Upload-Length`, of an upload that deferred it. @throws VALIDATION_ERROR */
  readonly length: () => number | undefined;
  readonly declaredBytes: number | undefined;
  readonly isOffsetStream: boolean;
  /** @throws VALIDATION_ERROR */
  readonly check: () => BodyCheck | undefined;
  readonly pump: AppendPump;
}

/**
 * Decides on the body of a request when its upload is known: what is refused, in the order in which clients can mend it; undefined
 * for a request that only repeats the end of a complete upload, whose answer was lost.
 */
export function planOf(body: TusBody, limits: UploadLimits): (state: UploadState) => Append | undefined {
  return (state) => {
    const offset = checkHead(body, state);
    const check = body.check();
    const length = lengthAfter(body, state, limits);
    if (offset !== state.offset) throw offsetMismatch(state.offset, offset);
    const { declaredBytes, pump } = body;
    const room = (length ?? state.length ?? limits.maxFileBytes) - offset;
    if ((declaredBytes ?? 0) > room) throw noRoom(room);
    if (state.isComplete) return undefined;
    return { declaredBytes, length, isLast: false, onOverflow: 'go-on', check, pump };
  };
}

export function noRoom(room: number): ServiceError {
  return new ServiceError('FILE_TOO_LARGE', `The upload has room for ${room} more bytes.`);
}

/** @throws FORBIDDEN, UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR */
function checkHead(body: TusBody, { kind }: UploadState): number {
  if (kind === 'joined')
    throw new ServiceError('FORBIDDEN', 'An upload that is joined of others takes no bytes.');
  if (!body.isOffsetStream) throw wrongType();
  const offset = body.offset();
  if (offset === undefined) throw badHeader('Upload-Offset', 'is needed');
  return offset;
}

/** The length that the upload has from now on, where it is said now. @throws LENGTH_MISMATCH, FILE_TOO_LARGE, VALIDATION_ERROR */
function lengthAfter(body: TusBody, state: UploadState, limits: UploadLimits): number | undefined {
  const length = body.length();
  if (length === undefined) return undefined;
  if (state.length !== undefined && state.length !== length) throw otherLength(length);
  limits.checkDeclaredBytes(length);
  if (length < state.offset) throw otherLength(length);
  return length;
}

function otherLength(length: number): ServiceError {
  return new ServiceError('LENGTH_MISMATCH', `The upload cannot have ${length} bytes.`);
}
