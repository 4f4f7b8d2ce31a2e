import { ERROR_CATALOGUE, type ErrorCode } from '../../errors/catalogue.js';
import { ServiceError } from '../../errors/service-error.js';
import { classifyFailure } from '../../outbound/classify-failure.js';
import type { FailureKind } from '../../outbound/outcome.js';
import type { Stored } from '../ledger/upload-rows.js';
import { SpoolDamaged, SpoolFileMissing } from '../spool/spool-damaged.js';

/** Why a task waits or died: a code of the catalogue, or what no call ends with. */
export type Reason = ErrorCode | 'in_doubt' | 'spool_file_missing' | 'spool_damaged';

/** How a try to do a task ended. */
export type AttemptOutcome =
  | { readonly kind: 'succeeded'; readonly stored?: Stored }
  /** The owner does not want the file any more, and it is nowhere. */
  | { readonly kind: 'cancelled' }
  /** The time for which the owner wanted the file is over. */
  | { readonly kind: 'expired' }
  /** We stopped it ourselves, as at a shutdown. */
  | { readonly kind: 'interrupted' }
  /** Nobody was asked to do the work, or asked us to come later: that says nothing of the task. */
  | { readonly kind: 'deferred'; readonly reason: ErrorCode; readonly retryAfterMs?: number }
  /** A target that may have done the work cannot be asked whether it has, or may still do it. */
  | {
      readonly kind: 'in_doubt';
      readonly retryAfterMs?: number;
      /** When it may be asked for the last time, since its word is believed then. */
      readonly withinMs?: number;
    }
  /** Another try can help, but not for ever. */
  | { readonly kind: 'failed'; readonly reason: Reason }
  /** No try can help. */
  | { readonly kind: 'refused'; readonly reason: Reason };

/** What is said when nobody may be called now; the time to wait comes with it. */
const NOT_CALLED = new Set<ErrorCode>(['NO_STORAGE_AVAILABLE', 'CIRCUIT_OPEN', 'BULKHEAD_FULL']);

/** Without a token nobody can be asked; the token endpoint has no circuit that would say until when. */
const NO_TOKEN_RETRY_MS = 10_000;

/**
 * Reads the outcome from the error of a call; `ownCodes` are those under which its target fails. A target that could
 * not be reached is like one behind an open circuit, which it soon will be: an outage uses up nobody's attempts.
 */
export function outcomeOfError(error: unknown, ownCodes: readonly ErrorCode[]): AttemptOutcome {
  const code = codeOf(error);
  const failure = classifyFailure(error, ownCodes);
  const retryAfterMs = retryAfterOf(error) ?? failure.retryAfterMs;
  if (code === 'SHUTTING_DOWN') return { kind: 'interrupted' };
  if (code === 'ADMIN_UNAVAILABLE' && !ownCodes.includes(code)) {
    return { kind: 'deferred', reason: code, retryAfterMs: NO_TOKEN_RETRY_MS };
  }
  if (NOT_CALLED.has(code) || saysNothingOfTheTask(failure)) {
    return { kind: 'deferred', reason: code, retryAfterMs };
  }
  if (error instanceof SpoolDamaged) return { kind: 'refused', reason: error.reason };
  if (error instanceof SpoolFileMissing) return { kind: 'failed', reason: error.reason };
  const isRefused = ownCodes.includes(code) && failure.retry === 'never';
  return failedOrRefused(code, isRefused);
}

function failedOrRefused(reason: ErrorCode, isRefused: boolean): AttemptOutcome {
  const mends = ERROR_CATALOGUE[reason].retryable && !isRefused;
  return mends ? { kind: 'failed', reason } : { kind: 'refused', reason };
}

function saysNothingOfTheTask({ nothingSent, retryAfterMs }: FailureKind): boolean {
  return nothingSent === true || retryAfterMs !== undefined;
}

/** The code of an error; what we do not know is INTERNAL_ERROR. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof ServiceError ? error.code : 'INTERNAL_ERROR';
}

function retryAfterOf(error: unknown): number | undefined {
  return error instanceof ServiceError ? error.options.retryAfterMs : undefined;
}
