/**
 * A limit with two marks: what would rise above the high one is refused, and from then on everything is, until the
 * level is at the low one. Without the second mark a full spool would open and shut with every file that leaves it.
 */
export class WaterMark {
  #shut = false;

  constructor(
    private readonly high: number,
    private readonly low: number,
  ) {}

  /** Is there room for `more` on top of `level`? */
  takes(level: number, more: number): boolean {
    if (this.#shut && level > this.low) return false;
    const fits = level + more <= this.high;
    // Below the low mark it is only this one that is too large.
    this.#shut = !fits && level > this.low;
    return fits;
  }
}
