import type { MemoryBudget } from './memory-budget.js';

const FIRST_BYTES = 4 * 1024;
const GROWTH = 4;

/**
 * The first bytes of a body, in one buffer that grows with them: kept as they come, a thousand chunks of one byte would take a
 * hundred times their size. It counts as memory of all bodies until it is released.
 */
export class CollectedBytes {
  #memory: Buffer;
  #length = 0;

  /** Takes up to `maxBytes`; `expectedBytes` are about to come, where that is known. */
  constructor(
    private readonly budget: MemoryBudget,
    private readonly maxBytes: number,
    expectedBytes = FIRST_BYTES,
  ) {
    this.#memory = this.#allocate(expectedBytes);
  }

  /** @throws RangeError for more than it takes in all */
  add(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.maxBytes) throw new RangeError(`${length} bytes are more than ${this.maxBytes}`);
    if (length > this.#memory.length) this.#grow(Math.max(length, GROWTH * this.#memory.length));
    chunk.copy(this.#memory, this.#length);
    this.#length = length;
  }

  /** All that was added. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  /** Nobody holds the bytes any more. Harmless when repeated. */
  release(): void {
    this.budget.give(this.#memory.length);
    this.#memory = Buffer.alloc(0);
    this.#length = 0;
  }

  #grow(bytes: number): void {
    const grown = this.#allocate(bytes);
    this.bytes.copy(grown);
    this.budget.give(this.#memory.length);
    this.#memory = grown;
  }

  #allocate(bytes: number): Buffer {
    const memory = Buffer.allocUnsafeSlow(Math.min(bytes, this.maxBytes));
    this.budget.take(memory.length);
    return memory;
  }
}
