import { ServiceError } from '../../errors/service-error.js';
import { statusCodeOf } from '../../outbound/final-answer.js';
import { bodySentOf } from '../../outbound/target-failure.js';
import { codeOf } from './attempt-outcome.js';
import type { AttemptResult } from './held-task.js';
import { CancelRequested, LeaseLost } from './stop-reasons.js';

/** What is written down of an attempt that failed. Nothing that an element said of itself: operators may show it on. */
export function attemptResult(error: unknown): AttemptResult {
  const interrupted = error instanceof CancelRequested || error instanceof LeaseLost;
  if (interrupted || codeOf(error) === 'SHUTTING_DOWN') {
    return { outcome: 'interrupted', code: null, statusCode: null, detail: null };
  }
  const detail = error instanceof ServiceError ? error.detail : 'Something went wrong on our side.';
  return { outcome: 'failed', code: codeOf(error), statusCode: statusCodeOf(error) ?? null, detail };
}

/**
 * May an element have the file although it did not say so? Not without its last bytes; not where its driver knows that it
 * was not told to make it; and not where it refused it, with an answer of which that is the meaning.
 */
export function mayBeStored(error: unknown, handedOver: boolean): boolean {
  const statusCode = statusCodeOf(error) ?? 0;
  const refused = (statusCode >= 400 && statusCode < 500) || statusCode === 507;
  return handedOver && !refused && bodySentOf(error) !== false;
}
