import { statusCodeOf } from '../../outbound/final-answer.js';
import { ServiceError } from '../../errors/service-error.js';
import { type AttemptOutcome, outcomeOfError } from './attempt-outcome.js';
import type { HeldTask } from './held-task.js';
import { CancelRequested, LeaseLost } from './stop-reasons.js';

/**
 * What a try comes to that failed with `error`; `ownCodes` are those under which its target fails.
 * @throws LeaseLost, QUEUE_UNAVAILABLE: then nothing may be written down about it
 */
export function outcomeOfFailure(
  held: HeldTask,
  error: unknown,
  ownCodes: Parameters<typeof outcomeOfError>[1],
): AttemptOutcome {
  if (error instanceof LeaseLost || !held.lease.isHeld) throw new LeaseLost();
  if (isUnavailable(error)) throw error;
  return error instanceof CancelRequested ? { kind: 'cancelled' } : outcomeOfError(error, ownCodes);
}

/** Answers that say nothing of what was asked for, but of when or by whom. */
const NOT_NOW = new Set([401, 403, 408, 425, 429]);

/** Does a target not do what it is asked, and would not another time either? */
export function isRefusal(error: unknown): boolean {
  const statusCode = statusCodeOf(error) ?? 0;
  return statusCode >= 400 && statusCode < 500 && !NOT_NOW.has(statusCode);
}

/** Is it the database that is away? */
export function isUnavailable(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'QUEUE_UNAVAILABLE';
}
