/**
 * Makes files durable while they are still written, so that nobody waits for all of their bytes at the end. One file at a
 * time: a sync holds one of the few threads that there are for all files.
 */
export class EarlySyncs {
  #isUnderWay = false;

  /** Calls `sync` unless another one is under way, and says whether it does. Its failure is for who syncs the file next. */
  begin(sync: () => Promise<unknown>): boolean {
    if (this.#isUnderWay) return false;
    this.#isUnderWay = true;
    const end = (): void => {
      this.#isUnderWay = false;
    };
    sync().then(end, end);
    return true;
  }
}
