import { HttpException } from '@nestjs/common';
import type { ErrorCode } from './catalogue.js';
import { isDescriptorShortage, noDescriptors } from './descriptor-shortage.js';
import { ServiceError } from './service-error.js';

/** What Nest and Express answer by themselves, in our codes; other statuses are programming errors of ours. */
const CODES_BY_STATUS: Readonly<Record<number, readonly [code: ErrorCode, detail: string]>> = {
  400: ['VALIDATION_ERROR', 'The request is not valid.'],
  401: ['UNAUTHORIZED', 'A valid token is required.'],
  403: ['FORBIDDEN', 'The token does not grant this.'],
  404: ['NOT_FOUND', 'There is no such resource.'],
  405: ['NOT_FOUND', 'There is no such resource.'],
  406: ['VERSION_NOT_ACCEPTABLE', 'What Accept asks for is not served.'],
  408: ['CLIENT_STALLED', 'The client sends too slowly.'],
  413: ['FILE_TOO_LARGE', 'The request body is too large.'],
  415: ['UNSUPPORTED_MEDIA_TYPE', 'The media type is not taken.'],
};

/**
 * Translates whatever was thrown into an error of the catalogue; what we do not know is INTERNAL_ERROR. What failed for
 * want of a file descriptor is BULKHEAD_FULL, wherever that was.
 */
export function toServiceError(thrown: unknown): ServiceError {
  if (isDescriptorShortage(thrown)) return noDescriptors(thrown);
  if (thrown instanceof ServiceError) return thrown;
  const known = CODES_BY_STATUS[statusOf(thrown) ?? 0];
  if (known) return new ServiceError(known[0], known[1], { cause: thrown });
  return new ServiceError('INTERNAL_ERROR', 'Something went wrong on our side.', { cause: thrown });
}

/** Nest's exceptions have a method for it, errors of Express and its parsers a member. */
function statusOf(thrown: unknown): number | undefined {
  if (thrown instanceof HttpException) return thrown.getStatus();
  return thrown instanceof Error && 'status' in thrown && typeof thrown.status === 'number'
    ? thrown.status
    : undefined;
}
