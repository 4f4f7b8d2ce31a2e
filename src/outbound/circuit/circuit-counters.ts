import type { CallOutcome } from './circuit-listeners.js';

/** What a failure was, and when. */
export interface LastError {
  readonly code: string;
  readonly atWallMs: number;
}

/** What calls came to since the process began, whatever the state and the generation. */
export class CircuitCounters {
  readonly #calls: Record<CallOutcome, number> = { success: 0, failure: 0, neutral: 0, rejected: 0 };
  #consecutiveFailures = 0;
  #consecutiveSuccesses = 0;
  #lastFailureWallMs: number | undefined;
  #lastSuccessWallMs: number | undefined;
  #lastError: LastError | undefined;
  stateChanges = 0;

  get calls(): Readonly<Record<CallOutcome, number>> {
    return this.#calls;
  }

  get consecutiveFailures(): number {
    return this.#consecutiveFailures;
  }

  get consecutiveSuccesses(): number {
    return this.#consecutiveSuccesses;
  }

  get lastFailureWallMs(): number | undefined {
    return this.#lastFailureWallMs;
  }

  get lastSuccessWallMs(): number | undefined {
    return this.#lastSuccessWallMs;
  }

  get lastError(): LastError | undefined {
    return this.#lastError;
  }

  record(outcome: CallOutcome, wallMs: number, code?: string): void {
    this.#calls[outcome] += 1;
    if (outcome === 'success') {
      this.#consecutiveSuccesses += 1;
      this.#consecutiveFailures = 0;
      this.#lastSuccessWallMs = wallMs;
    } else if (outcome === 'failure') {
      this.#consecutiveFailures += 1;
      this.#consecutiveSuccesses = 0;
      this.#lastFailureWallMs = wallMs;
      if (code !== undefined) this.#lastError = { code, atWallMs: wallMs };
    }
  }

  /** What came in a row before a reset is forgotten; totals only grow. */
  forgetRows(): void {
    this.#consecutiveFailures = 0;
    this.#consecutiveSuccesses = 0;
  }
}
