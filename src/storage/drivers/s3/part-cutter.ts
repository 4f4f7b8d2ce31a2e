import type { FileBody, RangeReader } from '../../storage-element.js';
import { lengthFailure } from '../body-failures.js';
import { blocksOf, type Blocks } from '../local/body-blocks.js';
import { chunksPayload, type DigestKind, type Payload, RunningDigests } from './payload.js';

/** A part of a file, all bytes of which have come. */
export interface Part {
  /** From 1 on. */
  readonly number: number;
  readonly payload: Payload;
  /** Was the whole file found good, and this its end? */
  readonly isLast: boolean;
  /** Is it held in memory? */
  readonly isHeld: boolean;
}

export interface CutSettings {
  /** Bytes of each part but the last. */
  readonly partBytes: number;
  readonly kinds: ReadonlySet<DigestKind>;
}

/**
 * Cuts a body into parts while it comes. It reads the stream from beginning to end, makes digests, and drops the bytes: a part is
 * sent from where the body keeps it, as often as need be. Only where the body cannot be read twice a part is held in memory.
 */
export class PartCutter {
  readonly #blocks: Blocks;
  /** What was read and is of a later part. */
  #ahead: Buffer[] = [];
  #number = 0;
  #position = 0;
  #ended = false;

  constructor(
    private readonly body: FileBody,
    private readonly settings: CutSettings,
    signal: AbortSignal,
  ) {
    this.#blocks = blocksOf(body, signal);
  }

  /**
   * The next part, once all of it has come; a file of no bytes is one part. Not after the last.
   * @throws what the body failed with, VALIDATION_ERROR where it is not of its declared length, or the reason of the signal
   */
  async next(): Promise<Part> {
    const { partBytes, kinds } = this.settings;
    this.#number += 1;
    const part = new PartInMaking(this.#position, kinds, this.body.range);
    while (part.size < partBytes && (await this.#fill())) part.add(this.#take(partBytes - part.size));
    this.#position += part.size;
    // A part that is full is the last one where nothing comes after it.
    const isLast = !(await this.#fill());
    if (isLast) this.#checkLength(this.#position);
    return { number: this.#number, payload: part.payload(), isLast, isHeld: part.isHeld };
  }

  /** Lets go of the body. */
  release(): void {
    this.#blocks.release();
  }

  /** Waits for bytes. Gives false at the end of the body. */
  async #fill(): Promise<boolean> {
    if (this.#ahead.length > 0) return true;
    if (this.#ended) return false;
    this.#ahead = [...(await this.#blocks.next())];
    this.#ended = this.#ahead.length === 0;
    const { length = Infinity } = this.body;
    if (this.#position > length) this.#checkLength(this.#position);
    return !this.#ended;
  }

  #take(most: number): Buffer {
    const [first = Buffer.alloc(0)] = this.#ahead;
    if (first.length <= most) this.#ahead.shift();
    else this.#ahead[0] = first.subarray(most);
    return first.subarray(0, most);
  }

  /** @throws VALIDATION_ERROR */
  #checkLength(size: number): void {
    const failure = lengthFailure(this.body, size);
    if (failure) throw failure;
  }
}

class PartInMaking {
  size = 0;
  readonly #digests: RunningDigests;
  readonly #chunks: Buffer[] = [];

  constructor(
    private readonly from: number,
    kinds: ReadonlySet<DigestKind>,
    /** As it was when the first byte was read: what is dropped from here on must be read again by it. */
    private readonly range: RangeReader | undefined,
  ) {
    this.#digests = new RunningDigests(kinds);
  }

  get isHeld(): boolean {
    return this.range === undefined;
  }

  add(bytes: Buffer): void {
    this.size += bytes.length;
    this.#digests.update(bytes);
    if (this.isHeld) this.#chunks.push(bytes);
  }

  payload(): Payload {
    const { from, size, range } = this;
    const digests = this.#digests.digest();
    if (!range) return chunksPayload(this.#chunks, size, digests);
    return { size, digests, open: (signal) => range(from, size, signal) };
  }
}
