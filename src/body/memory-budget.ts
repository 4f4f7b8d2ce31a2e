/** How fast members get less where the limit is exceeded: nothing at all a quarter above it. */
const STEEPNESS = 4;

/**
 * Divides the memory for bodies among those of a process. Nobody is refused, because the bytes are there already
 * when they are counted; a member that holds more than it may moves bytes to the disk, and waits meanwhile.
 */
export class MemoryBudget {
  #usedBytes = 0;
  #members = 0;

  /** `onFreed` is told of the bytes of each buffer that a member has let go. */
  constructor(
    readonly limitBytes: number,
    private readonly onFreed: (bytes: number) => void = () => undefined,
  ) {}

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get exceeded(): boolean {
    return this.#usedBytes > this.limitBytes;
  }

  join(): void {
    this.#members += 1;
  }

  leave(): void {
    this.#members -= 1;
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    this.onFreed(bytes);
  }

  /** Bytes that every member may hold at once. Less where idle ones, which give nothing back, hold more. */
  get shareBytes(): number {
    const shortage = Math.max(0, this.#usedBytes / this.limitBytes - 1);
    return (this.limitBytes / Math.max(1, this.#members)) * Math.max(0, 1 - STEEPNESS * shortage);
  }
}
