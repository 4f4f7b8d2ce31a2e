import { ServiceError } from '../errors/service-error.js';
import { toServiceError } from '../errors/to-service-error.js';
import type { UploadOutcome } from '../observability/upload-metrics.js';

/** How an upload that failed is counted: by whose fault it was. */
export function outcomeOf(error: unknown): Exclude<UploadOutcome, 'stored' | 'accepted' | 'received'> {
  const { code, isCallers, options } = toServiceError(error);
  // A client that closes its side in the middle of a body gets an answer all the same, and most will not read it.
  const cause = options.cause instanceof ServiceError ? options.cause.code : undefined;
  if (code === 'CLIENT_CLOSED_REQUEST' || cause === 'CLIENT_CLOSED_REQUEST') return 'client_abort';
  return isCallers ? 'rejected' : 'failed';
}
