import type { ServiceError } from '../../../errors/service-error.js';
import type { TimeoutPhase } from '../../../observability/outbound-metrics.js';
import { storageTimeout } from '../storage-failures.js';

/** The time of one exchange: at any moment one limit holds. */
export class ExchangeTimer {
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly onTimeout: (error: ServiceError) => void) {}

  /** From now on, what `what` says must happen within `ms` milliseconds, and within as many after each `refresh`. */
  limit(ms: number, phase: TimeoutPhase, what: string): void {
    this.stop();
    const timeout = (): void =>
      this.onTimeout(storageTimeout(`The storage element did not ${what} in time.`, phase));
    this.#timer = setTimeout(timeout, ms);
  }

  /** Something has happened. */
  refresh(): void {
    this.#timer?.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
