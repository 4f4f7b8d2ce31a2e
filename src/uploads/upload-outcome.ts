import { toServiceError } from '../errors/to-service-error.js';
import type { UploadOutcome } from '../observability/upload-metrics.js';

/** How an upload that failed is counted: by whose fault it was. */
export function outcomeOf(error: unknown): Exclude<UploadOutcome, 'stored' | 'accepted'> {
  const { code, status } = toServiceError(error);
  if (code === 'CLIENT_CLOSED_REQUEST') return 'client_abort';
  return status < 500 ? 'rejected' : 'failed';
}
