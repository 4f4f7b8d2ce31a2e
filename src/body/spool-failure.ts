import { errorCode } from '../errors/error-code.js';
import { ServiceError } from '../errors/service-error.js';

/** A full disk, a quota of the user, and one of the process (`RLIMIT_FSIZE`). */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

const RETRY_AFTER_MS = 30_000;

/** What the caller is told of an upload that could not be made durable, by what the file system says. */
export function notKept(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const code = errorCode(error);
  if (code !== undefined && FULL.has(code)) return spoolFull('There is no room to keep the file.', error);
  if (isReadOnly(error)) return spoolReadOnly(error);
  return new ServiceError('INTERNAL_ERROR', 'The file could not be kept.', { cause: error });
}

export function spoolFull(detail: string, cause?: unknown): ServiceError {
  return new ServiceError('SPOOL_FULL', detail, { cause, retryAfterMs: RETRY_AFTER_MS });
}

/** What is said of a body whose bytes are in no place any more, since the spool failed with `cause`. */
export function bytesLost(cause?: unknown): ServiceError {
  return isReadOnly(cause)
    ? spoolReadOnly(cause)
    : spoolFull('The upload could not be kept for another try.', cause);
}

export function spoolReadOnly(cause?: unknown): ServiceError {
  return spoolUnusable('the disk is read-only', cause);
}

export function spoolUnusable(why: string, cause?: unknown): ServiceError {
  return new ServiceError('QUEUE_UNAVAILABLE', `Files cannot be kept for later: ${why}.`, {
    cause,
    retryAfterMs: RETRY_AFTER_MS,
  });
}

/** Is this what the file system says where it takes no change at all? */
export function isReadOnly(error: unknown): boolean {
  return errorCode(error) === 'EROFS';
}

/** Is this what the file system says of a name that is not there? */
export function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT';
}
