import { ServiceError } from '../../errors/service-error.js';
import type { Deadline } from './deadline.js';
import { MAX_TIMER_MS } from '../../config/timer-limit.js';

/**
 * A signal of one call that aborts with its parent, with DEADLINE_EXCEEDED when its deadline passes, or by hand.
 * To be disposed of when the call is over: then neither a timer nor a listener on the parent is left. By hand, since
 * `AbortSignal.any` and `AbortSignal.timeout` keep memory as long as a long-lived parent lives.
 */
export class DeadlineSignal {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  #timer: NodeJS.Timeout | undefined;

  constructor(parent: AbortSignal, deadline?: Deadline) {
    this.#parent = parent;
    if (parent.aborted) {
      this.#controller.abort(parent.reason);
      return;
    }
    parent.addEventListener('abort', this.#onParentAbort, { once: true });
    if (deadline) this.#wait(deadline);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts this call alone; its parent and its siblings go on. */
  abort(reason: unknown): void {
    this.dispose();
    this.#controller.abort(reason);
  }

  /** Lets go of parent and clock; the signal does not abort by them any more. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.#parent.removeEventListener('abort', this.#onParentAbort);
  }

  readonly #onParentAbort = (): void => this.abort(this.#parent.reason);

  /** Timers can fire a little early, and do not wait longer than 24 days: what counts is the deadline. */
  #wait(deadline: Deadline): void {
    if (deadline.hasPassed) {
      this.abort(new ServiceError('DEADLINE_EXCEEDED', 'The request was not finished in the time it had.'));
      return;
    }
    const ms = Math.min(Math.ceil(deadline.remainingMs), MAX_TIMER_MS);
    this.#timer = setTimeout(() => this.#wait(deadline), ms);
  }
}
