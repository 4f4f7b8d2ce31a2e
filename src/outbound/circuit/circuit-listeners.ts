import { asError } from '../../errors/as-error.js';
import type { CircuitTransition } from './circuit-state.js';
import type { Verdict } from '../outcome.js';

export type CallOutcome = Verdict | 'rejected';
export type TransitionListener = (transition: CircuitTransition) => void;
export type CallListener = (name: string, outcome: CallOutcome) => void;

/**
 * Tells others what circuits do. What is to tell is kept until the breaker is done, and told in order, so that a
 * listener may ask or change a circuit. A listener that throws is reported, and nobody else hears of it.
 */
export class CircuitListeners {
  readonly #onTransition: TransitionListener[] = [];
  readonly #onCall: CallListener[] = [];
  #untold: (() => void)[] = [];
  #telling = false;

  constructor(private readonly onError: (error: Error) => void) {}

  onTransition(listener: TransitionListener): void {
    this.#onTransition.push(listener);
  }

  onCall(listener: CallListener): void {
    this.#onCall.push(listener);
  }

  transition(transition: CircuitTransition): void {
    for (const listener of this.#onTransition) this.#untold.push(() => listener(transition));
  }

  call(name: string, outcome: CallOutcome): void {
    for (const listener of this.#onCall) this.#untold.push(() => listener(name, outcome));
  }

  /** Never throws. Within a listener it does nothing: the call around it tells the rest. */
  tell(): void {
    if (this.#telling || this.#untold.length === 0) return;
    this.#telling = true;
    // What a listener causes is appended and told in its turn.
    for (const telling of this.#untold) this.#guard(telling);
    this.#untold = [];
    this.#telling = false;
  }

  #guard(telling: () => void): void {
    try {
      telling();
    } catch (thrown) {
      this.onError(asError(thrown));
    }
  }
}
