import { setTimeout } from 'node:timers/promises';
import { ServiceError } from '../../../errors/service-error.js';
import { backoffMs, type BackoffSettings } from '../../../outbound/backoff.js';
import { classifyFailure, STORAGE_CODES } from '../../../outbound/classify-failure.js';

const TRIES = 3;

const BACKOFF: BackoffSettings = { growth: 'exponential', jitter: 'full', baseMs: 200, maxMs: 2_000 };

/**
 * Does `call` once more, and once more again, where it failed for a moment. Retries of a whole upload are the outbound
 * interceptors'; but for one part that the store was too busy for, a file of 10 GiB is not to begin anew. `call` must do no
 * harm when it is done twice. @throws what `call` does, or the reason of `signal`
 */
export async function withRetries<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt === TRIES || signal.aborted || !isForAMoment(error)) throw error;
    }
    await pause(attempt, signal);
  }
}

/** Waits longer from attempt to attempt. @throws the reason of `signal` */
export async function pause(attempt: number, signal: AbortSignal): Promise<void> {
  await setTimeout(backoffMs(BACKOFF, attempt, Math.random), undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}

/** An element that is late has had its time, and has used up that of the upload. */
function isForAMoment(error: unknown): boolean {
  if (error instanceof ServiceError && error.code === 'STORAGE_TIMEOUT') return false;
  const { retry, once } = classifyFailure(error, STORAGE_CODES);
  return retry === 'again' && !once;
}
