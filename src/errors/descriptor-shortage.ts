import { ServiceError } from './service-error.js';

const RETRY_AFTER_MS = 5_000;
/** A longer chain of causes is a circle. */
const MAX_CAUSES = 8;

/** Was something not opened because the process (EMFILE) or the machine (ENFILE) has no file descriptor left for it? */
export function isDescriptorShortage(thrown: unknown): boolean {
  let error = thrown;
  for (let depth = 0; depth < MAX_CAUSES && isObject(error); depth += 1) {
    const { code, message } = error;
    if (code === 'EMFILE' || code === 'ENFILE') return true;
    // Of a thread that could not be started.
    if (code === 'ERR_WORKER_INIT_FAILED' && /EMFILE|ENFILE/.test(String(message))) return true;
    error = error.cause;
  }
  return false;
}

/** What a caller is told when there are no file descriptors for his request. */
export function noDescriptors(cause?: unknown): ServiceError {
  return new ServiceError('BULKHEAD_FULL', 'The service has too much open; try again later.', {
    cause,
    retryAfterMs: RETRY_AFTER_MS,
  });
}

interface MaybeError {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
}

function isObject(value: unknown): value is MaybeError {
  return typeof value === 'object' && value !== null;
}
