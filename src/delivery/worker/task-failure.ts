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

/** Can nothing be written down about the task any more? */
export function isLost(held: HeldTask, error: unknown): boolean {
  return error instanceof LeaseLost || !held.lease.isHeld || isUnavailable(error);
}

/** Is it the database that is away? */
export function isUnavailable(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'QUEUE_UNAVAILABLE';
}
