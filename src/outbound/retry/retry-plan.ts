import { backoffMs, type BackoffSettings, type Random } from '../backoff.js';
import type { Deadline } from '../deadline/deadline.js';
import type { FailureKind } from '../outcome.js';
import type { RetryBudget } from './retry-budget.js';

export interface RetrySettings {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  readonly backoff: BackoffSettings;
  /** Narrows what is tried again, beyond what the failure itself says. */
  readonly retryIf?: (failure: FailureKind) => boolean;
}

/** A call of which an attempt has just failed. */
export interface FailedCall {
  /** How each attempt failed, oldest first; the last is the one to decide on. */
  readonly failures: readonly FailureKind[];
  /** Can the request be sent again from its first byte? */
  readonly replayable: boolean;
  /** Is there a target that fits and was not tried yet? */
  readonly hasOtherTarget: boolean;
  /** Is there another target that failed before and may be called again? */
  readonly hasEarlierTarget?: boolean;
  /** Is the target that failed behind an open circuit now? That it asks for rest is another matter, and may be waited for. */
  readonly isUnavailable?: boolean;
  readonly signal: AbortSignal;
  /** Aborted when nobody waits for another attempt. */
  readonly abandoned?: AbortSignal;
  readonly deadline: Deadline;
  /** Of the target that failed. */
  readonly budget: RetryBudget;
}

export type StopReason =
  'attempts' | 'budget' | 'deadline' | 'not_replayable' | 'predicate' | 'aborted' | 'shut';

export type RetryDecision =
  | { readonly kind: 'retry'; readonly where: 'same' | 'next'; readonly delayMs: number }
  | { readonly kind: 'stop'; readonly reason: StopReason };

/**
 * Decides what follows after a failed attempt. Another target is tried without waiting and without a price: the
 * budget and the delay spare the one that failed. The same one is waited for, by back-off and `Retry-After`, and not
 * at all where its circuit is open, where it asks for more than `maxMs` or the deadline would pass meanwhile: such a
 * wait would be in vain. Takes a token of the budget when, and only when, it decides for the same target, or for one
 * that failed before.
 */
export function planRetry(call: FailedCall, settings: RetrySettings, random: Random): RetryDecision {
  const failure = call.failures.at(-1);
  if (!failure) throw new TypeError('planRetry needs a failure to decide on, got none');
  const reason = reasonToStop(call, failure, settings);
  if (reason) return { kind: 'stop', reason };
  if (call.hasOtherTarget) return { kind: 'retry', where: 'next', delayMs: 0 };
  if (failure.retry === 'elsewhere') return { kind: 'stop', reason: 'predicate' };
  return planWait(call, failure, settings, random);
}

function planWait(
  call: FailedCall,
  failure: FailureKind,
  settings: RetrySettings,
  random: Random,
): RetryDecision {
  if (call.isUnavailable && !call.hasEarlierTarget) return { kind: 'stop', reason: 'shut' };
  // What this one asks for is nothing to another one.
  const restMs = call.hasEarlierTarget ? 0 : (failure.retryAfterMs ?? 0);
  if (restMs > settings.backoff.maxMs) return { kind: 'stop', reason: 'predicate' };
  const delayMs = Math.max(restMs, backoffMs(settings.backoff, call.failures.length, random));
  if (delayMs >= call.deadline.remainingMs) return { kind: 'stop', reason: 'deadline' };
  if (!call.budget.pay(failure)) return { kind: 'stop', reason: 'budget' };
  return { kind: 'retry', where: 'same', delayMs };
}

function reasonToStop(
  { failures, signal, abandoned, deadline, replayable }: FailedCall,
  failure: FailureKind,
  settings: RetrySettings,
): StopReason | undefined {
  // First, since a passed deadline aborts the signal as well.
  if (deadline.hasPassed) return 'deadline';
  if (signal.aborted || abandoned?.aborted) return 'aborted';
  if (!canBeCured(failures, failure, settings)) return 'predicate';
  if (failures.length >= settings.attempts) return 'attempts';
  return replayable || failure.nothingSent ? undefined : 'not_replayable';
}

/** Is it worth another try at all? What can be cured once only is not when it comes again. */
function canBeCured(
  failures: readonly FailureKind[],
  failure: FailureKind,
  { retryIf = () => true }: RetrySettings,
): boolean {
  if (failure.retry === 'never' || !retryIf(failure)) return false;
  return !failure.once || failures.filter(({ once }) => once).length === 1;
}
