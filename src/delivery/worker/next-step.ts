import { backoffMs, type Random } from '../../outbound/backoff.js';
import type { AttemptOutcome, Reason } from './attempt-outcome.js';

export interface RetryLimits {
  /** Attempts that count, after which a task is dead. */
  readonly maxAttempts: number;
  /** Longest wait after the first failure, in milliseconds; it doubles with each. */
  readonly baseMs: number;
  /** Longest wait, in milliseconds; one that a target asks for may be longer. */
  readonly maxMs: number;
}

/** What a task has behind it when a try ends. Times are milliseconds since 1970, by the clock of the database. */
export interface TaskHistory {
  /** Attempts that counted, without the one that has just ended. */
  readonly attempts: number;
  /** When the task is too old to be tried again. */
  readonly deadlineMs: number;
  /** Is there a target that may have done the work, and is to be asked first? */
  readonly doubtful: boolean;
  readonly nowMs: number;
}

export type NextStep =
  | { readonly kind: 'finish' }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'expire' }
  | {
      readonly kind: 'wait';
      readonly delayMs: number;
      readonly attempts: number;
      readonly reason: Reason | null;
    }
  | { readonly kind: 'die'; readonly attempts: number; readonly reason: Reason };

/** A target whose answer was lost may still be busy with the file: it is not asked again sooner. */
export const SETTLE_MS = 1_000;

/**
 * Decides what becomes of a task after a try. What says nothing of the task costs it no attempt: it waits until the
 * target may be called. Nothing is put off beyond the deadline, so that a task gets one more chance just then, and a
 * dead letter comes when it was promised.
 */
export function nextStep(
  outcome: AttemptOutcome,
  history: TaskHistory,
  limits: RetryLimits,
  random: Random,
): NextStep {
  const { attempts, doubtful } = history;
  switch (outcome.kind) {
    case 'succeeded':
      return { kind: 'finish' };
    case 'cancelled':
      return { kind: 'cancel' };
    case 'expired':
      return { kind: 'expire' };
    case 'interrupted':
      return { kind: 'wait', delayMs: doubtful ? SETTLE_MS : 0, attempts, reason: null };
    case 'refused':
      return { kind: 'die', attempts: attempts + 1, reason: outcome.reason };
    case 'failed':
      return afterFailure(outcome.reason, history, limits, random);
    case 'deferred':
    case 'in_doubt':
      return afterDelay(outcome, history, waitMs(history, limits, random));
    default:
      return outcome satisfies never;
  }
}

function afterFailure(reason: Reason, history: TaskHistory, limits: RetryLimits, random: Random): NextStep {
  const attempts = history.attempts + 1;
  return attempts >= limits.maxAttempts
    ? { kind: 'die', attempts, reason }
    : waitOrDie(reason, attempts, waitMs(history, limits, random), history);
}

/** Beyond what was asked for, so that those who wait for one target do not all come at once. */
function afterDelay(
  outcome: Extract<AttemptOutcome, { kind: 'deferred' | 'in_doubt' }>,
  history: TaskHistory,
  ownDelayMs: number,
): NextStep {
  const delayMs = (outcome.retryAfterMs ?? 0) + ownDelayMs;
  if (outcome.kind === 'deferred') return waitOrDie(outcome.reason, history.attempts, delayMs, history);
  return waitOrDie('in_doubt', history.attempts, Math.min(delayMs, outcome.withinMs ?? Infinity), history);
}

function waitMs({ attempts, doubtful }: TaskHistory, limits: RetryLimits, random: Random): number {
  const { baseMs, maxMs } = limits;
  const ms = backoffMs({ growth: 'exponential', jitter: 'full', baseMs, maxMs }, attempts + 1, random);
  return doubtful ? Math.max(SETTLE_MS, ms) : ms;
}

function waitOrDie(
  reason: Reason,
  attempts: number,
  delayMs: number,
  { nowMs, deadlineMs }: TaskHistory,
): NextStep {
  if (nowMs >= deadlineMs) return { kind: 'die', attempts, reason };
  return { kind: 'wait', delayMs: Math.min(delayMs, deadlineMs - nowMs), attempts, reason };
}
