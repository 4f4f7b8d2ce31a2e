import { ServiceError } from '../errors/service-error.js';

const RETRY_AFTER_MS = 5_000;

/**
 * The connection broke while a transaction was being committed: it may have happened or not. Nobody repeats it
 * without looking first.
 */
export class CommitUnknown extends ServiceError {
  constructor(cause: unknown) {
    super('QUEUE_UNAVAILABLE', 'It is not known whether the file was accepted.', {
      cause,
      retryAfterMs: RETRY_AFTER_MS,
    });
  }
}
