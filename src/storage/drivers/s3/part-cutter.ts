import type { BodyRanges, FileBody } from '../../storage-element.js';
import { StreamBlocks } from '../body-blocks.js';
import { chunksPayload, type DigestKind, type Payload, RunningDigests } from './payload.js';
import { lengthFailure } from '../storage-failures.js';

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
 * sent from where the body keeps it, as often as need be. Only where the body cannot be read twice, as the disk takes no more, a
 * part is held in memory.
 */
export class PartCutter {
  readonly #blocks: StreamBlocks;
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
    this.#blocks = new StreamBlocks(body.stream, signal);
  }

  /**
   * The next part, once all of it has come; a file of no bytes is one part. Not after the last.
   * @throws what the body failed with, VALIDATION_ERROR where it is not of its declared length, or the reason of the signal
   */
  async next(): Promise<Part> {
    const { partBytes, kinds } = this.settings;
    this.#number += 1;
    const part = new PartInMaking(this.#position, kinds, this.body.ranges);
    while (part.size < partBytes && (await this.#fill())) part.add(this.#take(partBytes - part.size));
    this.#position += part.size;
    // A part that is full is the last one where nothing comes after it.
    const isLast = !(await this.#fill());
    if (isLast) this.#checkLength(this.#position);
    return { number: this.#number, ...part.finished(), isLast };
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

/** Holds what the body may lose, which is next to nothing while the disk takes what comes. */
class PartInMaking {
  size = 0;
  readonly #digests: RunningDigests;
  readonly #held: Buffer[] = [];
  #droppedBytes = 0;

  constructor(
    private readonly from: number,
    kinds: ReadonlySet<DigestKind>,
    private readonly ranges: BodyRanges | undefined,
  ) {
    this.#digests = new RunningDigests(kinds);
  }

  add(bytes: Buffer): void {
    this.size += bytes.length;
    this.#digests.update(bytes);
    this.#held.push(bytes);
    this.#drop();
  }

  finished(): Pick<Part, 'payload' | 'isHeld'> {
    const { from, size, ranges } = this;
    const digests = this.#digests.digest();
    this.#drop();
    if (!ranges || this.#droppedBytes === 0) {
      return { payload: chunksPayload(this.#held, size, digests), isHeld: true };
    }
    const open: Payload['open'] = (signal) => ranges.read(from, size, signal);
    return { payload: { size, digests, open }, isHeld: false };
  }

  #drop(): void {
    const keptBytes = this.ranges?.keptBytes ?? 0;
    let first = this.#held[0];
    while (first && this.from + this.#droppedBytes + first.length <= keptBytes) {
      this.#droppedBytes += first.length;
      this.#held.shift();
      first = this.#held[0];
    }
  }
}
