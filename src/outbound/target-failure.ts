import { causesOf } from '../errors/error-causes.js';
import type { TimeoutPhase } from '../observability/outbound-metrics.js';

/** What is known of a call that failed, by which it is decided what to do next. */
export interface FailureMarks {
  /** HTTP status that the target answered with. */
  readonly statusCode?: number;
  /** When the target wants to be asked again, in milliseconds from its answer on. */
  readonly retryAfterMs?: number;
  /**
   * Had the target all of the request when the call ended? Then it may have done all the same what it was asked to; false: it
   * cannot have. Of several causes that say so, the outermost counts: it knows what those were for.
   */
  readonly bodySent?: boolean;
  /** What the target was late with. */
  readonly timeoutPhase?: TimeoutPhase;
}

/** The cause behind the `ServiceError` of a call that failed. Who calls a target marks it, and `classifyFailure` reads the marks. */
export class TargetFailure extends Error implements FailureMarks {
  override readonly name: string = 'TargetFailure';
  readonly statusCode?: number;
  readonly retryAfterMs?: number;
  readonly bodySent?: boolean;
  readonly timeoutPhase?: TimeoutPhase;

  constructor(message: string, marks: FailureMarks, options?: ErrorOptions) {
    super(message, options);
    Object.assign(this, marks);
  }
}

/** What the causes of an error say of `bodySent`; undefined where they say nothing. */
export function bodySentOf(error: unknown): boolean | undefined {
  for (const cause of causesOf(error)) {
    if (cause instanceof TargetFailure && cause.bodySent !== undefined) return cause.bodySent;
  }
  return undefined;
}
