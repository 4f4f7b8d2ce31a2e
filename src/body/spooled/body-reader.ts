import { Readable } from 'node:stream';
import { asError } from '../../errors/as-error.js';
import { ServiceError } from '../../errors/service-error.js';

/** What a reader waits with for its consumer. More gains no speed, and every upload pays for it. */
const HIGH_WATER_MARK_BYTES = 64 * 1024;

/** Where a reader gets its bytes from. */
export interface BodyBytes {
  /** Bytes that have come so far. */
  readonly receivedBytes: number;
  /** Have all bytes come? */
  readonly ended: boolean;
  /** Bytes at `position` that are in memory; undefined where they are not. */
  bytesAt(position: number): Buffer | undefined;
  /** Bytes at `position` from the disk, lent until they are given back. @throws SPOOL_FULL when they are gone */
  readBlock(position: number): Promise<Buffer>;
  /** Takes back the memory of blocks that the reader's consumer has taken. */
  giveBack(bytes: number): void;
  /** A reader has gone on, or is gone. */
  readerMoved(): void;
}

/** Follows a growing body from an offset on, as far as it is to: from memory near the tail, else from the disk, block by block. */
export class BodyReader extends Readable {
  #position: number;
  #wanted = false;
  /** Guards against itself: what takes the bytes may ask for more while they are handed over. */
  #busy = false;
  #lentBytes = 0;

  constructor(
    private readonly body: BodyBytes,
    offset: number,
    private readonly signal: AbortSignal,
    /** Where it ends, if before the end of the body. */
    private readonly end = Infinity,
  ) {
    super({ highWaterMark: HIGH_WATER_MARK_BYTES });
    this.#position = offset;
    // Nobody may listen, before the first byte or after the last, when it fails: that must not end the process.
    this.on('error', () => undefined);
    if (signal.aborted) this.#abort();
    else signal.addEventListener('abort', this.#abort, { once: true });
  }

  /** Bytes of the body before it were handed over. */
  get position(): number {
    return this.#position;
  }

  /** Hands over what there is, as far as it is wanted. */
  pump(): void {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#wanted && !this.destroyed && this.#position < Math.min(this.body.receivedBytes, this.end)) {
      const bytes = this.body.bytesAt(this.#position);
      if (!bytes) return void this.#readBlock();
      this.#hand(bytes);
    }
    this.#busy = false;
    if (this.#isAtEnd() && !this.destroyed) this.push(null);
  }

  override _read(): void {
    this.#giveBack();
    this.#wanted = true;
    const before = this.#position;
    this.pump();
    if (this.#position !== before) this.body.readerMoved();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.signal.removeEventListener('abort', this.#abort);
    this.#giveBack();
    callback(error);
    this.body.readerMoved();
  }

  /** Busy until the block is there. */
  async #readBlock(): Promise<void> {
    try {
      const block = await this.body.readBlock(this.#position);
      this.#lentBytes += block.length;
      if (this.destroyed) this.#giveBack();
      else this.#hand(block);
    } catch (error) {
      this.destroy(error instanceof ServiceError ? error : unreadable(error));
    }
    this.#busy = false;
    this.pump();
    this.body.readerMoved();
  }

  #hand(bytes: Buffer): void {
    const left = this.end - this.#position;
    const wanted = bytes.length > left ? bytes.subarray(0, left) : bytes;
    this.#position += wanted.length;
    this.#wanted = this.push(wanted);
  }

  #isAtEnd(): boolean {
    return this.#position >= this.end || (this.body.ended && this.#position === this.body.receivedBytes);
  }

  #giveBack(): void {
    this.body.giveBack(this.#lentBytes);
    this.#lentBytes = 0;
  }

  readonly #abort = (): void => {
    this.destroy(asError(this.signal.reason));
  };
}

function unreadable(cause: unknown): ServiceError {
  return new ServiceError('INTERNAL_ERROR', 'The upload could not be read again.', { cause });
}
