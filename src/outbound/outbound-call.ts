import type { Deadline } from './deadline/deadline.js';
import type { FailureKind } from './outcome.js';

/**
 * The one argument of an outbound method. Interceptors cannot replace an argument, but they can change this
 * object: what one decides is read by those further inside and by the method itself.
 */
export interface OutboundCall {
  /** Names of the targets that fit, the preferred one first; a dependency that has no other has one. */
  readonly targets: readonly string[];
  /** Bytes that the call moves, where that is known: for its deadline and for the bulkhead. */
  readonly bytes?: number;
  /** Whose call it is: where places are few he gets no more than his share. Absent: nobody's in particular. */
  readonly caller?: string;
  /** Says whether another attempt would send the same bytes. Absent: always. */
  readonly canRepeat?: () => boolean;
  /** Aborted when nobody waits for the call any more, or its deadline passes; its reason is the error that counts. */
  signal: AbortSignal;
  /**
   * Aborted when nobody waits for the call any more, but an attempt under way is to come to its own end: it has all
   * bytes that it needs. No other attempt is made, and the wait for one ends at once.
   */
  readonly abandoned?: AbortSignal;
  /** The target of this attempt, chosen by the retry. */
  target?: string;
  /** When the whole call must be over, waiting included. */
  deadline?: Deadline;
  /** How the attempt that ended last failed, as the circuit saw it. */
  failure?: FailureKind;
}
