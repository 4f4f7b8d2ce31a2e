import { ServiceError } from '../../errors/service-error.js';
import type { Append, AppendPump, BodyCheck, UploadState } from '../../resumption/resumable-upload.js';
import { offsetMismatch } from '../http/offset-mismatch.js';
import { badHeader, wrongType } from './tus-headers.js';

/** What a request says of its body. */
export interface TusBody {
  /** `Upload-Offset`. */
  readonly offset: number | undefined;
  /** `Upload-Length`, of an upload that deferred it. */
  readonly length: number | undefined;
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
export function planOf(body: TusBody): (state: UploadState) => Append | undefined {
  return (state) => {
    const offset = checkHead(body, state);
    const check = body.check();
    const length = lengthAfter(body, state);
    if (offset !== state.offset) throw offsetMismatch(state.offset, offset);
    const room = (length ?? state.length ?? Infinity) - offset;
    const isEmpty = body.declaredBytes === 0;
    if (state.isComplete && isEmpty) return undefined;
    if (state.isComplete || (body.declaredBytes ?? 0) > room)
      throw new ServiceError('FILE_TOO_LARGE', `The upload has room for ${room} more bytes.`);
    return {
      declaredBytes: body.declaredBytes,
      length,
      isLast: false,
      onOverflow: 'go-on',
      check,
      pump: body.pump,
    };
  };
}

/** @throws FORBIDDEN, UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR */
function checkHead({ offset, isOffsetStream }: TusBody, { kind }: UploadState): number {
  if (kind === 'joined')
    throw new ServiceError('FORBIDDEN', 'An upload that is joined of others takes no bytes.');
  if (!isOffsetStream) throw wrongType();
  if (offset === undefined) throw badHeader('Upload-Offset', 'is needed');
  return offset;
}

/** The length that the upload has from now on, where it is said now. @throws LENGTH_MISMATCH */
function lengthAfter({ length }: TusBody, state: UploadState): number | undefined {
  if (length === undefined) return undefined;
  const isOther = state.length !== undefined && state.length !== length;
  if (isOther || length < state.offset)
    throw new ServiceError('LENGTH_MISMATCH', `The upload cannot have ${length} bytes.`);
  return length;
}
