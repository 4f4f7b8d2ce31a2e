/** Times of the last failures, at most `capacity`; those older than the window do not count. */
export class FailureWindow {
  /** A ring: the oldest stands at `#head`. */
  readonly #times: Float64Array;
  #head = 0;
  #size = 0;

  constructor(
    capacity: number,
    private readonly windowMs: number,
  ) {
    this.#times = new Float64Array(capacity);
  }

  /** Times come in order; a full window forgets its oldest. */
  add(atMs: number): void {
    if (this.#size === this.#times.length) this.#dropOldest();
    this.#times[(this.#head + this.#size) % this.#times.length] = atMs;
    this.#size += 1;
  }

  count(nowMs: number): number {
    while (this.#size > 0 && nowMs - this.#at(0) > this.windowMs) this.#dropOldest();
    return this.#size;
  }

  clear(): void {
    this.#head = 0;
    this.#size = 0;
  }

  #dropOldest(): void {
    this.#head = (this.#head + 1) % this.#times.length;
    this.#size -= 1;
  }

  #at(index: number): number {
    return this.#times[(this.#head + index) % this.#times.length] ?? -Infinity;
  }
}
