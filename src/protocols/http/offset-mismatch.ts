import { ServiceError } from '../../errors/service-error.js';

/**
 * The bytes that were sent do not begin where the upload ends; where that is, the answer says in `Upload-Offset`, and in members of
 * the problem type that IANA registers for the IETF's resumable uploads.
 */
export function offsetMismatch(expected: number, provided: number): ServiceError {
  return new ServiceError(
    'OFFSET_MISMATCH',
    `The upload has ${expected} bytes; the next one is at that offset.`,
    {
      headers: { 'Upload-Offset': String(expected) },
      members: {
        type: 'https://iana.org/assignments/http-problem-types#mismatching-upload-offset',
        'expected-offset': expected,
        'provided-offset': provided,
      },
    },
  );
}
