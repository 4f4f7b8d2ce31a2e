import type { Readable } from 'node:stream';
import { ServiceError } from '../errors/service-error.js';
import type { BodySource, DurableBody } from './body-source.js';
import type { CollectedBytes } from './collected-bytes.js';
import type { MemoryBudget } from './memory-budget.js';
import { notKept } from './spool-failure.js';
import { type BodyBytes, BodyReader } from './spooled/body-reader.js';
import type { SpoolFile } from './spooled/spool-file.js';
import { SpoolWriter } from './spooled/spool-writer.js';

export interface BufferBodyOptions {
  /** Memory of all bodies. */
  readonly budget: MemoryBudget;
  /** Makes the file, where the body is to be kept. */
  readonly createFile: () => Promise<SpoolFile>;
}

/** A body that is here whole, in memory. */
export class BufferBody implements BodySource, DurableBody, BodyBytes {
  readonly whole: Buffer;
  readonly ended = true;
  readonly #readers = new Set<BodyReader>();
  readonly #spool: SpoolWriter;
  #failure: Error | undefined;
  #persisted: Promise<void> | undefined;

  /** `collected` is the body's from now on. */
  constructor(
    private readonly collected: CollectedBytes,
    private readonly options: BufferBodyOptions,
  ) {
    options.budget.join();
    const whole = collected.bytes;
    this.whole = whole;
    const window = { end: whole.length, slicesFrom: (position: number) => [whole.subarray(position)] };
    this.#spool = new SpoolWriter(window, options.createFile, () => undefined);
  }

  get length(): number {
    return this.whole.length;
  }

  get replayable(): boolean {
    return !this.#failure;
  }

  get keptBytes(): number {
    return this.whole.length;
  }

  get receivedBytes(): number {
    return this.whole.length;
  }

  committedBytes(): number {
    return this.whole.length;
  }

  open(offset: number, signal: AbortSignal, end?: number): Readable {
    if (!Number.isInteger(offset) || offset < 0 || offset > this.whole.length) {
      throw new RangeError(`A body of ${this.whole.length} bytes cannot be read from ${offset}`);
    }
    const reader = new BodyReader(this, offset, signal, end);
    if (this.#failure) reader.destroy(this.#failure);
    if (!reader.destroyed) this.#readers.add(reader);
    return reader;
  }

  bytesAt(position: number): Buffer | undefined {
    return position < this.whole.length ? this.whole.subarray(position) : undefined;
  }

  readBlock(position: number): Promise<Buffer> {
    return Promise.reject(new RangeError(`There is no byte at ${position}`));
  }

  giveBack(): void {
    // Nothing is lent.
  }

  readerMoved(): void {
    for (const reader of this.#readers) if (reader.destroyed) this.#readers.delete(reader);
  }

  /** It is here whole, and has no file. */
  linkTo(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  persist(path: string, onNamed: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    // A disk that has failed to make bytes durable may say at the next try that they are.
    this.#persisted ??= this.#persist(path, onNamed);
    return this.#persisted;
  }

  /** Fails every reader, now and later, and frees what is held. Only the first call counts. */
  fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    for (const reader of this.#readers) if (!reader.destroyed) reader.destroy(error);
    this.collected.release();
    this.options.budget.leave();
  }

  dispose(): Promise<void> {
    this.fail(DISPOSED);
    return this.#spool.remove();
  }

  async #persist(path: string, onNamed: () => Promise<void>): Promise<void> {
    if (this.#failure) throw this.#failure;
    try {
      await this.#spool.keep(path, onNamed);
    } catch (error) {
      throw notKept(error);
    }
  }
}

/** Made once: most bodies are disposed of when nobody reads them any more. */
const DISPOSED = new ServiceError('INTERNAL_ERROR', 'The upload was given up.');
