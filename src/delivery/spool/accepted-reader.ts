import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { asError } from '../../errors/as-error.js';
import { ServiceError } from '../../errors/service-error.js';
import { isMissing } from '../../body/spool-failure.js';
import type { ContentDigest } from '../../storage/storage-element.js';
import { SpoolDamaged, SpoolFileMissing } from './spool-damaged.js';

/** Bytes that come from the disk at once; a stream holds about two of these. */
const BLOCK_BYTES = 256 * 1024;

/** Who has a say in what is read, and hears of it. */
export interface ReadHooks {
  /** Throws where the file must not be finished. */
  mayFinish?(): void;
  /** Called before the last bytes go, and when they have gone: their target may have the file, whatever comes back. */
  finished?(): void;
  /** Hears of each block: a buffer of so many bytes is soon of no use any more. */
  passed?(bytes: number): void;
}

/**
 * The bytes of an accepted file, for one attempt. The last block and the end come only once size and SHA-256 of all of
 * it are those that were promised, and the hooks allow it: nobody can finish a file that was damaged on the disk, or is
 * another replica's to deliver by now.
 */
export class AcceptedReader extends Readable {
  readonly #hash = createHash('sha256');
  #file: Promise<FileHandle> | undefined;
  #position = 0;
  #handedOver = false;

  constructor(
    private readonly path: string,
    private readonly promised: ContentDigest,
    private readonly signal: AbortSignal,
    private readonly hooks: ReadHooks = {},
  ) {
    super({ highWaterMark: BLOCK_BYTES });
    this.once('end', () => this.hooks.finished?.());
    // Nobody may listen, before the first byte or after the last, when it fails: that must not end the process.
    this.on('error', () => undefined);
    if (signal.aborted) this.#abort();
    else signal.addEventListener('abort', this.#abort, { once: true });
  }

  /** Bytes that the target was given. */
  get bytesTaken(): number {
    return this.#position - this.readableLength;
  }

  /** Has the target all of it? */
  get handedOver(): boolean {
    return this.#handedOver;
  }

  override _read(): void {
    void this.#pump();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.signal.removeEventListener('abort', this.#abort);
    void this.#close(() => callback(error));
  }

  async #pump(): Promise<void> {
    const block = await this.#next().catch((error: unknown) => void this.destroy(failure(error)));
    if (!block || this.destroyed) return;
    try {
      this.#give(block);
    } catch (error) {
      this.destroy(asError(error));
    }
  }

  #give(block: Buffer): void {
    const isLast = this.#position === this.promised.size;
    if (isLast) this.#handOver();
    if (block.length > 0) this.push(block);
    if (isLast) this.push(null);
    this.hooks.passed?.(block.length);
  }

  #handOver(): void {
    this.hooks.mayFinish?.();
    this.#handedOver = true;
    this.hooks.finished?.();
  }

  async #close(done: () => void): Promise<void> {
    const file = await this.#file?.catch(() => undefined);
    // It waits for a read that is under way.
    await file?.close().catch(() => undefined);
    done();
  }

  async #next(): Promise<Buffer> {
    const block = await this.#block(Math.min(BLOCK_BYTES, this.promised.size - this.#position));
    this.#hash.update(block);
    this.#position += block.length;
    if (this.#position === this.promised.size && this.#hash.digest('hex') !== this.promised.sha256) {
      throw new SpoolDamaged('The kept file has another SHA-256 than was promised.');
    }
    return block;
  }

  /** A disk may give less at once than is asked for. */
  async #block(length: number): Promise<Buffer> {
    this.#file ??= openPromised(this.path, this.promised);
    const file = await this.#file;
    const block = Buffer.allocUnsafeSlow(length);
    for (let filled = 0; filled < length;) {
      const { bytesRead } = await file.read(block, filled, length - filled, this.#position + filled);
      if (bytesRead === 0) throw new SpoolDamaged('The kept file ends before the size that was promised.');
      filled += bytesRead;
    }
    return block;
  }

  readonly #abort = (): void => {
    this.destroy(asError(this.signal.reason));
  };
}

/**
 * Opens a kept file that has the size that was promised. @throws SpoolDamaged, or Error of the file system
 */
export async function openPromised(path: string, promised: ContentDigest): Promise<FileHandle> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size === promised.size) return file;
    throw new SpoolDamaged(`The kept file has ${size} bytes instead of the ${promised.size} promised.`);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A disk that cannot be read now may be read later; what is gone or other than promised stays so. */
export function failure(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  if (isMissing(error)) return new SpoolFileMissing(error);
  return new ServiceError('INTERNAL_ERROR', 'The kept file cannot be read.', { cause: error });
}
