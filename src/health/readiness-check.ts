/** An expected "no" is a value. */
export type CheckOutcome =
  | {
      readonly up: true;
      /** What an operator may want to know all the same; shown to whoever asks, so it names no host and quotes nobody. */
      readonly remark?: string;
    }
  | {
      readonly up: false;
      /** Shown to whoever asks, so it names no host and quotes nobody. */
      readonly reason: string;
      /** What was seen in detail; logged, never shown. */
      readonly cause?: unknown;
    };

/** One thing that readiness depends on. */
export interface ReadinessCheck {
  /** Name in the report; no two checks share one. */
  readonly name: string;
  /**
   * Whether the service is of no use while this is down. A check that is not critical only degrades it. It is read
   * after the check has run, and may depend on what that has seen.
   */
  readonly critical: boolean;
  run(): Promise<CheckOutcome>;
}

/** Token of the list of checks. */
export const READINESS_CHECKS = Symbol('READINESS_CHECKS');
