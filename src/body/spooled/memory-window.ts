import type { MemoryBudget } from '../memory-budget.js';

/** Chunks below this are gathered into pages: a million chunks of one byte would cost 100 MB as they are. */
const SMALL_CHUNK_BYTES = 4 * 1024;
const PAGE_BYTES = 16 * 1024;

/** A run of bytes of the body, which begins at `start` in it. */
interface Segment {
  readonly start: number;
  /** The bytes, and behind them what is still free where this is a page. */
  readonly memory: Buffer;
  length: number;
}

/**
 * The newest bytes of a body: chunks come in at the end and are dropped from the beginning. Chunks are kept as
 * they are, without a copy, and must not be changed afterwards; only small ones are copied, which else would each
 * keep the whole memory alive that they were cut from.
 */
export class MemoryWindow {
  readonly #segments: Segment[] = [];
  #end = 0;
  #heldBytes = 0;

  constructor(private readonly budget: MemoryBudget) {}

  /** Position in the body of the first byte that is held; `end` when there is none. */
  get start(): number {
    return this.#segments[0]?.start ?? this.#end;
  }

  /** Position behind the last byte. */
  get end(): number {
    return this.#end;
  }

  /** Position behind the first segment, the least that can be dropped. */
  get firstEnd(): number {
    const first = this.#segments[0];
    return first ? first.start + first.length : this.#end;
  }

  /** Memory in use, with what is still free in pages. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  append(chunk: Buffer): void {
    if (chunk.length >= SMALL_CHUNK_BYTES) this.#add(chunk, chunk.length);
    else this.#copy(chunk);
    this.#end += chunk.length;
  }

  /** The bytes from `position` on that lie together; undefined where they are not held. */
  bytesAt(position: number): Buffer | undefined {
    if (position < this.start || position >= this.#end) return undefined;
    const segment = this.#segments[this.#indexAt(position)];
    return segment?.memory.subarray(position - segment.start, segment.length);
  }

  /** All bytes from `position` on. */
  slicesFrom(position: number): Buffer[] {
    if (position >= this.#end) return [];
    return this.#segments
      .slice(this.#indexAt(position))
      .map(({ start, memory, length }) => memory.subarray(Math.max(0, position - start), length));
  }

  dropFirst(): void {
    const first = this.#segments.shift();
    if (first) this.#count(-first.memory.length);
  }

  clear(): void {
    this.#segments.length = 0;
    this.#count(-this.#heldBytes);
  }

  /** Into the last page, or, behind another small chunk, into a new one: a single one needs none. */
  #copy(chunk: Buffer): void {
    const last = this.#segments.at(-1);
    if (last && last.length + chunk.length <= last.memory.length) {
      last.length += chunk.copy(last.memory, last.length);
      return;
    }
    const single = !last || last.length >= SMALL_CHUNK_BYTES;
    const memory = Buffer.allocUnsafeSlow(single ? chunk.length : PAGE_BYTES);
    this.#add(memory, chunk.copy(memory));
  }

  #add(memory: Buffer, length: number): void {
    this.#segments.push({ start: this.#end, memory, length });
    this.#count(memory.length);
  }

  #count(bytes: number): void {
    this.#heldBytes += bytes;
    if (bytes > 0) this.budget.take(bytes);
    else this.budget.give(-bytes);
  }

  /** Index of the segment that holds `position`, by halving. */
  #indexAt(position: number): number {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const segment = this.#segments[middle];
      if (segment && segment.start <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
