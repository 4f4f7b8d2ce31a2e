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

/**
 * The bytes that were sent do not begin where the upload ends. The offset it has is a member of the problem, as the IETF's
 * registered problem type `mismatching-upload-offset` has it.
 */
export function offsetMismatch(expected: number, provided: number): ServiceError {
  return new ServiceError(
    'OFFSET_MISMATCH',
    `The upload has ${expected} bytes; the next one is at that offset.`,
    {
      members: {
        type: 'https://iana.org/assignments/http-problem-types#mismatching-upload-offset',
        'expected-offset': expected,
        'provided-offset': provided,
      },
    },
  );
}
