import type { Clock } from './clock.js';

/** Remembers of a target that is to be left alone that it did not answer a question either. */
export class Silence {
  #untilMs = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** Is it not to be asked again yet? */
  get lasts(): boolean {
    return this.clock.monotonicMs() < this.#untilMs;
  }

  /** It lasts so long, in milliseconds. */
  begin(ms: number): void {
    this.#untilMs = this.clock.monotonicMs() + ms;
  }

  /** Somebody who knows better says that it answers again. */
  end(): void {
    this.#untilMs = -Infinity;
  }
}
