/** What a finished call says about its target. */
export type Verdict = 'success' | 'failure' | 'neutral';

/** What to do after a call that failed. */
export type Retry =
  /** Another try can help, at this target or the next. */
  | 'again'
  /** Another target can help, this one cannot. */
  | 'elsewhere'
  /** No try can help: it is the request that is wrong, or nobody waits for it any more. */
  | 'never';

/** One row of the table that says which outcomes count, for an error. */
export interface FailureKind {
  readonly verdict: Exclude<Verdict, 'success'>;
  readonly retry: Retry;
  /** What the target asked for, in milliseconds from now: `Retry-After`. */
  readonly retryAfterMs?: number;
  /** Does the target ask for rest? A second time, after it had some, counts as a failure. */
  readonly busy?: boolean;
  /** Did no byte of the request reach the target? Then the call costs no retry budget, and cannot have had an effect. */
  readonly nothingSent?: boolean;
  /** May the target have done what it was asked to, although it did not say so? Then it is asked before it is told again. */
  readonly mayHaveSucceeded?: boolean;
  /** Can it be cured once in a call only, as by a new token? A second failure of this kind ends the call. */
  readonly once?: boolean;
}
