import type { FailureKind } from '../outcome.js';

export interface RetryBudgetSettings {
  /** Retries in a row that a target which never answers well gets; also the most that is saved up. */
  readonly tokens: number;
  /** What a success pays in; 0.1 lets one call in ten be a retry in the long run. */
  readonly perSuccess: number;
}

const DEFAULT_RETRY_BUDGET: RetryBudgetSettings = { tokens: 10, perSuccess: 0.1 };

/** Tokens are counted in thousandths: ten times 0.1 is not quite 1. */
const UNIT = 1_000;

/** Keeps retries from multiplying the load of a target that is in trouble: one bucket of tokens for each target. */
export class RetryBudget {
  readonly #full: number;
  readonly #perSuccess: number;
  #left: number;

  constructor({ tokens, perSuccess }: RetryBudgetSettings = DEFAULT_RETRY_BUDGET) {
    this.#full = Math.round(tokens * UNIT);
    this.#perSuccess = Math.round(perSuccess * UNIT);
    this.#left = this.#full;
  }

  /** Tokens left, for reports. */
  get tokens(): number {
    return this.#left / UNIT;
  }

  succeeded(): void {
    this.#left = Math.min(this.#full, this.#left + this.#perSuccess);
  }

  /** Takes the price of a retry after `failure`; false, and nothing taken, where the budget is empty. */
  pay({ nothingSent = false }: FailureKind): boolean {
    // A target that took no byte was put to no work, nor will it be by the next try.
    if (nothingSent) return true;
    if (this.#left < UNIT) return false;
    this.#left -= UNIT;
    return true;
  }
}
