/** A reader that is hardly slower than the writer is worth waiting for: the way over the disk costs more. */
const GRACE_MS = 100;
/** Part of its whole time that a writer waits for readers, beyond the grace. */
const SHARE = 0.1;

/**
 * How long a writer waits for its readers: in all 100 ms and a tenth of the time that passes. That is enough for
 * readers that keep up on the whole, and so little that a slow one does not bind the writer.
 */
export class Patience {
  readonly #begunMs = performance.now();
  #waitedMs = 0;
  #sinceMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `onEnd` is called when the patience ends while somebody waits. */
  constructor(private readonly onEnd: () => void) {}

  get left(): boolean {
    return this.#leftMs() > 0;
  }

  /** The wait begins; harmless when it has begun. */
  begin(): void {
    if (this.#sinceMs !== undefined) return;
    this.#sinceMs = performance.now();
    this.#arm();
  }

  /** The wait is over; harmless when there is none. */
  end(): void {
    if (this.#sinceMs === undefined) return;
    clearTimeout(this.#timer);
    this.#waitedMs += performance.now() - this.#sinceMs;
    this.#sinceMs = undefined;
  }

  /**
   * While somebody waits, more patience comes as well. Timers count from the beginning of their turn of the event loop,
   * so that one may fire too early by what that turn took: nobody else would end the wait then.
   */
  #arm(): void {
    const waitMs = Math.max(0, this.#leftMs()) / (1 - SHARE) + 1;
    this.#timer = setTimeout(() => (this.left ? this.#arm() : this.onEnd()), waitMs).unref();
  }

  #leftMs(): number {
    const nowMs = performance.now();
    const waitedMs = this.#waitedMs + nowMs - (this.#sinceMs ?? nowMs);
    return GRACE_MS + SHARE * (nowMs - this.#begunMs) - waitedMs;
  }
}
