import { AGAIN, BUSY, FAILED, NO_ROOM, NOT_ITS_FAULT } from './failure-kinds.js';
import type { FailureKind } from '../outcome.js';

/** What an answer by HTTP that is not the one hoped for says about its target. */
export function classifyAnswer(statusCode: number, retryAfterMs?: number): FailureKind {
  switch (statusCode) {
    case 401:
    case 403:
      // The service token is renewed on the way here; with the new one the same request may be taken.
      return { verdict: 'neutral', retry: 'again', once: true };
    case 408:
    case 425:
      // "Too late" and "too early": both ask for the same request again.
      return AGAIN;
    case 429:
      return { ...BUSY, retryAfterMs };
    case 503:
      return retryAfterMs === undefined ? FAILED : { ...BUSY, retryAfterMs };
    case 507:
      return NO_ROOM;
    default:
      return classifyOther(statusCode);
  }
}

function classifyOther(statusCode: number): FailureKind {
  if (statusCode >= 500) return FAILED;
  // It says that it did what it was asked to, but not in a way that can be checked.
  if (statusCode < 300) return { ...FAILED, mayHaveSucceeded: true };
  return NOT_ITS_FAULT;
}
