import type { Moment } from './circuit-moment.js';

/** Why a circuit was opened by hand, and by whom. */
export interface Forced {
  readonly reason: string;
  readonly by: string;
}

/** What was ordered of a circuit that is open by hand. Times are milliseconds since 1970. */
export interface ForcedOrder extends Forced {
  readonly openedAtMs: number;
  /** When probes are admitted; null: only a reset ends it. */
  readonly retryAtMs: number | null;
}

/** What somebody does to a circuit. */
export interface ByHand {
  /** Who did it, for log and report. */
  readonly by: string;
  readonly reason?: string;
}

/** Has a circuit opened by hand. */
export interface ForceOpen {
  readonly by: string;
  readonly reason: string;
  /** Milliseconds after which probes are admitted; without it only a reset ends it. */
  readonly ttlMs?: number;
  /** When it was ordered and when it ends, as reports tell it, where another clock says that. Milliseconds since 1970. */
  readonly shownAs?: { readonly openedAtMs: number; readonly retryAtMs: number | null };
}

/** Replaced as a whole, never changed, so that a wrong mix cannot be built. */
export type CircuitState =
  | { readonly kind: 'closed'; readonly successes: number }
  | {
      readonly kind: 'open';
      readonly openedAtWallMs: number;
      /** When probes are admitted; undefined when only a reset ends it, which is so for forced circuits alone. */
      readonly retryAt: Moment | undefined;
      readonly forced: Forced | undefined;
    }
  | {
      readonly kind: 'half_open';
      readonly openedAtWallMs: number;
      /** Probes under way. */
      readonly probes: number;
      readonly successes: number;
    };

export type CircuitStateName = CircuitState['kind'];

/** Bounded, for it labels a metric. */
export type TransitionCause =
  | 'failures'
  | 'failures_elsewhere'
  | 'recovery_due'
  | 'probe_failed'
  | 'probes_succeeded'
  | 'forced'
  | 'reset';

/** A circuit came to another state, or anew to the same by hand. */
export interface CircuitTransition {
  readonly name: string;
  readonly from: CircuitStateName;
  readonly to: CircuitStateName;
  readonly cause: TransitionCause;
  /** Wall clock. It may lie in the past: a transition that was due is noticed when somebody looks. */
  readonly atWallMs: number;
  /** Who did it, where somebody did. */
  readonly by?: string;
  readonly reason?: string;
}
