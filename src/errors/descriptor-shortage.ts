import { causesOf, memberOf } from './error-causes.js';
import { ServiceError } from './service-error.js';

const RETRY_AFTER_MS = 5_000;

/** Was something not opened because the process (EMFILE) or the machine (ENFILE) has no file descriptor left for it? */
export function isDescriptorShortage(thrown: unknown): boolean {
  return causesOf(thrown).some((error) => {
    const code = memberOf(error, 'code');
    if (code === 'EMFILE' || code === 'ENFILE') return true;
    // Of a thread that could not be started.
    return code === 'ERR_WORKER_INIT_FAILED' && /EMFILE|ENFILE/.test(String(memberOf(error, 'message')));
  });
}

/** What a caller is told when there are no file descriptors for his request. */
export function noDescriptors(cause?: unknown): ServiceError {
  return new ServiceError('BULKHEAD_FULL', 'The service has too much open; try again later.', {
    cause,
    retryAfterMs: RETRY_AFTER_MS,
  });
}
