/**
 * Two marks of a level: what has come to the high one is shut until it is down at the low one. Without the second mark
 * what is full would open and shut with every file that leaves it.
 */
export class WaterMark {
  #shut = false;

  constructor(
    private readonly high: number,
    private readonly low: number,
  ) {}

  /** Is it shut, now that the level is this? */
  isShut(level: number): boolean {
    this.#shut = level >= this.high || (this.#shut && level > this.low);
    return this.#shut;
  }
}
