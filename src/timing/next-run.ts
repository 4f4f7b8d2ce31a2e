/**
 * Does `work` for all who ask, one run after the other: those who ask while one is under way share the next. So each gets a
 * result of a run that began after it asked, which a look at something that others change has to be.
 */
export class NextRun<T> {
  #underWay: Promise<unknown> = Promise.resolve();
  #next: Promise<T> | undefined;

  constructor(private readonly work: () => Promise<T>) {}

  /** @throws what `work` throws */
  get(): Promise<T> {
    this.#next ??= this.#after(this.#underWay);
    return this.#next;
  }

  async #after(before: Promise<unknown>): Promise<T> {
    await before.catch(() => undefined);
    this.#next = undefined;
    const run = this.work();
    this.#underWay = run;
    return run;
  }
}
