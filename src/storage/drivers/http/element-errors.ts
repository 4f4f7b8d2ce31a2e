import type { Dispatcher } from 'undici';
import type { ErrorCode } from '../../../errors/catalogue.js';
import { ServiceError } from '../../../errors/service-error.js';
import type { TimeoutPhase } from '../../../observability/outbound-metrics.js';
import { systemClock } from '../../../timing/clock.js';
import { TargetFailure } from '../../../outbound/target-failure.js';
import { storageFailed } from '../storage-failures.js';
import { parseRetryAfter } from '../../../outbound/retry-after.js';
import { errorCode } from '../../../errors/error-code.js';

/** What an element answered, as it came. */
export interface ElementAnswer {
  readonly status: number;
  /** At most 64 KiB; empty where the text of an error could not be read. */
  readonly text: string;
  /** When the element wants to be asked again, in milliseconds from the answer on: `Retry-After`. */
  readonly retryAfterMs?: number;
  /** Did the whole of an upload go out before the answer? */
  readonly bodySent?: boolean;
}

/** What an element says of when it wants to be asked again, in milliseconds from now. */
export function retryAfterMsOf(headers: Dispatcher.ResponseData['headers']): number | undefined {
  return parseRetryAfter(headers['retry-after'], systemClock.wallMs());
}

/** An answer that is not the one hoped for: the cause behind a `ServiceError`, for logs and for who decides on another try. */
export function unwantedAnswer({ status, text, retryAfterMs, bodySent }: ElementAnswer): TargetFailure {
  const said = JSON.stringify(text.slice(0, 200));
  return new TargetFailure(`The element answered ${status}: ${said}`, {
    statusCode: status,
    retryAfterMs,
    bodySent,
  });
}

/** artStore answers 500 when its disk is full. Only these words are taken for it: a mere "full" may be anything. */
const SAYS_FULL =
  /\b(no space left on device|not enough (free )?space|insufficient (storage|space)|(disk|storage|volume) is full|disk full|disk quota exceeded)\b/i;

/** The error behind an answer that is no success. */
export function answerFailure(answer: ElementAnswer): ServiceError {
  const { status, text } = answer;
  const cause = unwantedAnswer(answer);
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
    ? failure('STORAGE_TIMEOUT', 'The storage element could not be connected to in time.', error)
    : storageFailed('The connection to the storage element failed.', error);
}

/**
 * The error of an upload that went out whole, with the mark that asking comes before sending again. It may be the
 * element's, or the reason for which nobody waits any more.
 */
export function withAnswerLost(error: unknown): unknown {
  if (!(error instanceof ServiceError)) return error;
  const { code, detail, options } = error;
  const marks = { bodySent: true };
  const lost = new TargetFailure('No answer came to the whole upload', marks, { cause: options.cause });
  return new ServiceError(code, detail, { ...options, cause: lost });
}

/** The error of an element that took longer than it may with what `phase` says. */
export function storageTimeout(detail: string, phase: TimeoutPhase): ServiceError {
  const late = new TargetFailure(`The time of the phase "${phase}" ran out`, { timeoutPhase: phase });
  return failure('STORAGE_TIMEOUT', detail, late);
}

function failure(code: ErrorCode, detail: string, cause: unknown): ServiceError {
  return new ServiceError(code, detail, { cause });
}
