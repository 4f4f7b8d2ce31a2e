import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { asError } from '../../errors/as-error.js';
import { failure } from './accepted-reader.js';
import { SpoolDamaged } from './spool-damaged.js';

/** Bytes that come from the disk at once; a stream holds about two of these. */
const BLOCK_BYTES = 256 * 1024;

/** The bytes of an accepted file from `from` to `to`, which is not among them. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** A part of an accepted file, whose bytes are not compared with anything: who stores it also reads all of it. */
export class AcceptedRange extends Readable {
  #file: FileHandle | undefined;
  #position: number;

  constructor(
    private readonly path: string,
    private readonly range: ByteRange,
    private readonly signal: AbortSignal,
    /** Hears of each block: a buffer of so many bytes is soon of no use any more. */
    private readonly passed?: (bytes: number) => void,
  ) {
    super({ highWaterMark: BLOCK_BYTES });
    this.#position = range.from;
    // Nobody may listen, before the first byte or after the last, when it fails: that must not end the process.
    this.on('error', () => undefined);
    if (signal.aborted) this.#abort();
    else signal.addEventListener('abort', this.#abort, { once: true });
  }

  override _construct(callback: (error?: Error | null) => void): void {
    void this.#open(callback);
  }

  override _read(): void {
    this.#next().catch((error: unknown) => this.destroy(failure(error)));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.signal.removeEventListener('abort', this.#abort);
    void this.#close(() => callback(error));
  }

  async #open(done: (error?: Error) => void): Promise<void> {
    let reason: Error | undefined;
    this.#file = await open(this.path, 'r').catch((error: unknown) => {
      reason = failure(error);
      return undefined;
    });
    done(reason);
  }

  async #close(done: () => void): Promise<void> {
    // It waits for a read that is under way.
    await this.#file?.close().catch(() => undefined);
    done();
  }

  async #next(): Promise<void> {
    const length = Math.min(BLOCK_BYTES, this.range.to - this.#position);
    const block = Buffer.allocUnsafeSlow(length);
    const read = length === 0 ? undefined : await this.#file?.read(block, 0, length, this.#position);
    if (this.destroyed) return;
    if (read?.bytesRead === 0)
      throw new SpoolDamaged('The kept file ends before the size that was promised.');
    const bytes = block.subarray(0, read?.bytesRead ?? 0);
    this.#position += bytes.length;
    this.push(length === 0 ? null : bytes);
    this.passed?.(bytes.length);
  }

  readonly #abort = (): void => {
    this.destroy(asError(this.signal.reason));
  };
}
