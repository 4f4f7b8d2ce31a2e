import type { ErrorCode } from '../../errors/catalogue.js';
import { ServiceError } from '../../errors/service-error.js';
import { errorCode } from './error-code.js';

/** What an element answered, as it came. */
export interface ElementAnswer {
  readonly status: number;
  /** At most 64 KiB; empty where the text of an error could not be read. */
  readonly text: string;
}

/** An answer that is not the one hoped for: the cause behind a `ServiceError`, for logs and for who decides on another try. */
export class ElementAnswerError extends Error {
  override readonly name = 'ElementAnswerError';

  constructor(
    /** HTTP status of the answer. */
    readonly statusCode: number,
    text: string,
  ) {
    super(`The element answered ${statusCode}: ${JSON.stringify(text.slice(0, 200))}`);
  }
}

/** artStore answers 500 when its disk is full. Only these words are taken for it: a mere "full" may be anything. */
const SAYS_FULL =
  /\b(no space left on device|not enough (free )?space|insufficient (storage|space)|(disk|storage|volume) is full|disk full|disk quota exceeded)\b/i;

/** The error behind an answer that is no success. */
export function answerFailure({ status, text }: ElementAnswer): ServiceError {
  const cause = new ElementAnswerError(status, text);
  if (status === 507 || (status === 500 && SAYS_FULL.test(text))) {
    return new ServiceError('STORAGE_FULL', 'The storage element has no room for the file.', { cause });
  }
  // Elsewhere than in our limits, but as true of the file, and as little use to try again.
  if (status === 413) return failure('FILE_TOO_LARGE', 'The file is larger than the storage takes.', cause);
  return storageFailed('The storage element refused the request.', cause);
}

/** The error behind a call that got no answer; `error` is undici's. */
export function transportFailure(error: unknown): ServiceError {
  return errorCode(error) === 'UND_ERR_CONNECT_TIMEOUT'
    ? storageTimeout('The storage element could not be connected to in time.', error)
    : storageFailed('The connection to the storage element failed.', error);
}

export function storageFailed(detail: string, cause?: unknown): ServiceError {
  return failure('STORAGE_FAILED', detail, cause);
}

export function storageTimeout(detail: string, cause?: unknown): ServiceError {
  return failure('STORAGE_TIMEOUT', detail, cause);
}

function failure(code: ErrorCode, detail: string, cause: unknown): ServiceError {
  return new ServiceError(code, detail, { cause });
}
