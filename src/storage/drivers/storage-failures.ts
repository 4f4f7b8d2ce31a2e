import { ServiceError } from '../../errors/service-error.js';
import type { FileBody } from '../storage-element.js';
import { errorCode } from '../../errors/error-code.js';

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
