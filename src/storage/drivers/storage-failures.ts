import type { Dispatcher } from 'undici';
import { errorCode } from '../../errors/error-code.js';
import { ServiceError } from '../../errors/service-error.js';
import type { TimeoutPhase } from '../../observability/outbound-metrics.js';
import { parseRetryAfter } from '../../outbound/retry-after.js';
import { TargetFailure } from '../../outbound/target-failure.js';
import { systemClock } from '../../timing/clock.js';
import type { FileBody } from '../storage-element.js';

/** The error that `body.stream` failed with; one that was closed before its end without any has lost its client. */
export function bodyFailure(error: Error): Error {
  if (errorCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE') return error;
  return new ServiceError('CLIENT_CLOSED_REQUEST', 'The upload ended before the file was complete.', {
    cause: error,
  });
}

/** The failure of a body that ended after `size` bytes, or undefined where that is what was declared. */
export function lengthFailure(body: FileBody, size: number): ServiceError | undefined {
  if (body.length === undefined || body.length === size) return undefined;
  const detail = `The file was declared with ${body.length} bytes and came with ${size > body.length ? 'more' : size}.`;
  return new ServiceError('VALIDATION_ERROR', detail);
}

/** The error of an element that could not do what it was asked to; `cause` says more. */
export function storageFailed(detail: string, cause?: unknown): ServiceError {
  return new ServiceError('STORAGE_FAILED', detail, { cause });
}

/** The error behind a call that got no answer; `error` is undici's. */
export function transportFailure(error: unknown): ServiceError {
  return errorCode(error) === 'UND_ERR_CONNECT_TIMEOUT'
    ? new ServiceError('STORAGE_TIMEOUT', 'The storage element could not be connected to in time.', {
        cause: error,
      })
    : storageFailed('The connection to the storage element failed.', error);
}

/**
 * The error of an upload that went out whole, with the mark that asking comes before sending again. It may be the
 * element's, or the reason for which nobody waits any more.
 */
export function withAnswerLost(error: unknown): unknown {
  return withBodySent(error, true, 'No answer came to the whole upload');
}

/** The error of an upload of which the element can make no file, however much of it went out. */
export function certainlyNotMade(error: unknown): unknown {
  return withBodySent(error, false, 'The storage element has certainly not made the file');
}

function withBodySent(error: unknown, bodySent: boolean, message: string): unknown {
  if (!(error instanceof ServiceError)) return error;
  const { code, detail, options } = error;
  const cause = new TargetFailure(message, { bodySent }, { cause: options.cause });
  return new ServiceError(code, detail, { ...options, cause });
}

/** The error of an element that took longer than it may with what `phase` says. */
export function storageTimeout(detail: string, phase: TimeoutPhase): ServiceError {
  const late = new TargetFailure(`The time of the phase "${phase}" ran out`, { timeoutPhase: phase });
  return new ServiceError('STORAGE_TIMEOUT', detail, { cause: late });
}

/** There is a file of that id at the element already. */
export function idTaken(cause?: unknown): ServiceError {
  return new ServiceError('CONFLICT', 'There is a file with this id already.', { cause });
}

/** What an element says of when it wants to be asked again, in milliseconds from now. */
export function retryAfterMsOf(headers: Dispatcher.ResponseData['headers']): number | undefined {
  return parseRetryAfter(headers['retry-after'], systemClock.wallMs());
}
