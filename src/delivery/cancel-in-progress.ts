import { ServiceError } from '../errors/service-error.js';

const RETRY_AFTER_MS = 5_000;

/** A client who is told that his file is safe must not lose it to a cancel that came before: UPLOAD_IN_PROGRESS. */
export function cancelInProgress(): ServiceError {
  return new ServiceError('UPLOAD_IN_PROGRESS', 'The upload of this id is just being cancelled.', {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
