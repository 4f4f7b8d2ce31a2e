/** Lines of refusals that one second may have. */
const MOST_A_SECOND = 10;
const SECOND_MS = 1_000;

/**
 * Decides which refusals have a line in the log, so that whoever guesses tokens does not fill the disk. The first of a
 * second have one each; how many more there were is told once, at its end.
 */
export class RefusalLines {
  private refused = 0;

  /** `tell` gets the number of refusals that had no line. */
  constructor(private readonly tell: (leftOut: number) => void) {}

  /** Counts one more refusal, and says whether it has a line. */
  take(): boolean {
    if (this.refused === 0) setTimeout(() => this.endSecond(), SECOND_MS).unref();
    this.refused += 1;
    return this.refused <= MOST_A_SECOND;
  }

  private endSecond(): void {
    const leftOut = this.refused - MOST_A_SECOND;
    this.refused = 0;
    if (leftOut > 0) this.tell(leftOut);
  }
}
