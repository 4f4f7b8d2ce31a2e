import { ServiceError } from '../errors/service-error.js';
import type { UploadEnd } from './files/upload-end.js';

export function noSuchUpload(): ServiceError {
  return new ServiceError('NOT_FOUND', 'There is no upload with this id.');
}

/** What is said of an upload that has ended without a file. */
export function ended(end: Exclude<UploadEnd, { kind: 'placed' }>): ServiceError {
  if (end.kind === 'expired')
    return new ServiceError('UPLOAD_EXPIRED', 'The upload was not completed in time.');
  if (end.kind === 'refused')
    return new ServiceError('UPLOAD_ENDED', `The upload was refused: ${end.detail}`);
  return new ServiceError('UPLOAD_ENDED', 'The upload was removed.');
}

/** Requests for one upload come to several replicas at once, which take it from each other. */
export function takenElsewhere(): ServiceError {
  return new ServiceError('UPLOAD_IN_PROGRESS', 'Another replica goes on with this upload.', {
    retryAfterMs: 1_000,
  });
}
