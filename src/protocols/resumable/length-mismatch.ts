import { ServiceError } from '../../errors/service-error.js';

/** The lengths that a client has declared, or sent, are not one. */
export function lengthMismatch(detail: string, headers: Readonly<Record<string, string>> = {}): ServiceError {
  return new ServiceError('LENGTH_MISMATCH', detail, {
    members: { type: 'https://iana.org/assignments/http-problem-types#inconsistent-upload-length' },
    headers,
  });
}
