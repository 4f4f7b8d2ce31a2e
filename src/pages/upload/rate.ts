/** How far back the rate looks, in milliseconds. */
const WINDOW_MS = 5_000;
/** A rate over less than this says nothing. */
const MIN_SPAN_MS = 500;

/** How fast something goes on, over the last seconds. */
export class Rate {
  private samples: { readonly atMs: number; readonly bytes: number }[] = [];

  /** So many bytes are done at that time. What goes back begins anew. */
  add(bytes: number, atMs: number): void {
    const last = this.samples.at(-1);
    if (last && bytes < last.bytes) this.samples = [];
    this.samples.push({ atMs, bytes });
    // One older than the window stays, so that the window is full.
    while ((this.samples[1]?.atMs ?? Infinity) <= atMs - WINDOW_MS) this.samples.shift();
  }

  /** Bytes a second; undefined while too little is known. */
  at(nowMs: number): number | undefined {
    const [first] = this.samples;
    const last = this.samples.at(-1);
    if (!first || !last || nowMs - first.atMs < MIN_SPAN_MS) return undefined;
    return ((last.bytes - first.bytes) * 1000) / (nowMs - first.atMs);
  }
}
