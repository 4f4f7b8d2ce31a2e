/**
 * Counts the memory that all bodies of a process hold together. Nobody is refused, because the bytes are there
 * already when they are counted; who finds the budget exceeded moves his bytes to the disk, and waits meanwhile.
 */
export class MemoryBudget {
  #usedBytes = 0;

  constructor(readonly limitBytes: number) {}

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get exceeded(): boolean {
    return this.#usedBytes > this.limitBytes;
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
