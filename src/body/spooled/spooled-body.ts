import type { Readable } from 'node:stream';
import { ServiceError } from '../../errors/service-error.js';
import { BodyLinks } from './body-links.js';
import { type BodyBytes, BodyReader } from './body-reader.js';
import { Patience } from './patience.js';
import type { BodySource, BodyWriter, DurableBody, LinkedFile, SpoolObserver } from '../body-source.js';
import type { MemoryBudget } from '../memory-budget.js';
import { MemoryWindow } from './memory-window.js';
import type { SpoolFile } from './spool-file.js';
import { bytesLost, notKept } from '../spool-failure.js';
import { SpoolWriter } from './spool-writer.js';

/** Bytes that go to the disk at once. A call costs as much as a copy of 64 KiB, most of it for waking a thread. */
const WRITE_BYTES = 256 * 1024;
/**
 * Memory of a body that is on the disk, where it may have that much. More of it would be with V8 for so long that it takes
 * the buffers for old ones, and marks the whole heap to be rid of them.
 */
const SPOOLED_BYTES = 512 * 1024;
/** Bytes that come from there at once. */
const BLOCK_BYTES = 256 * 1024;
/** The same where memory is short. */
const SMALL_BLOCK_BYTES = 64 * 1024;

export interface SpooledBodyOptions {
  /** Memory of this body. What is larger goes to the disk as a whole, in front of the readers if need be. */
  readonly memoryBytes: number;
  /** Memory of all bodies. */
  readonly budget: MemoryBudget;
  /** Makes the file when it is first needed. */
  readonly createFile: () => Promise<SpoolFile>;
  readonly observer?: SpoolObserver;
  /** Bytes that the client declared. */
  readonly length?: number;
  /** Bytes that are about to come, more or less, where that is known. */
  readonly expectedLength?: number;
}

/** A body in memory, and on the disk where it is too large for that. */
export class SpooledBody implements BodySource, BodyWriter, DurableBody, BodyBytes {
  readonly length: number | undefined;
  readonly #options: SpooledBodyOptions;
  readonly #window: MemoryWindow;
  readonly #spool: SpoolWriter;
  readonly #links: BodyLinks;
  readonly #readers = new Set<BodyReader>();
  readonly #patience = new Patience(() => this.#settle());
  #ended = false;
  /** Made when somebody has to be told: most bodies are disposed of when nobody reads them any more. */
  #failure: (() => Error) | undefined;
  /** Were bytes dropped that are not on the disk? */
  #replayLost = false;
  #held: PromiseWithResolvers<void> | undefined;
  #persisted: Promise<void> | undefined;

  constructor(options: SpooledBodyOptions) {
    this.#options = options;
    this.length = options.length;
    this.#window = new MemoryWindow(options.budget);
    options.budget.join();
    this.#spool = new SpoolWriter(this.#window, options.createFile, (file) => this.#afterWrite(file));
    this.#links = new BodyLinks(this, this.#spool);
  }

  get replayable(): boolean {
    return !this.#isLost && !this.#failure;
  }

  get keptBytes(): number {
    return this.#isLost ? 0 : this.#spool.writtenBytes;
  }

  get receivedBytes(): number {
    return this.#window.end;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** What nobody gets any more of it for. */
  get failure(): Error | undefined {
    return this.#failure?.();
  }

  /** Will it go to the disk, by what is known of its length? */
  get isLarge(): boolean | undefined {
    const { memoryBytes, length, expectedLength = length } = this.#options;
    return expectedLength === undefined ? undefined : expectedLength > memoryBytes;
  }

  get whenWritable(): Promise<void> | undefined {
    if (!this.#mustHold()) return undefined;
    this.#held ??= Promise.withResolvers();
    const { promise } = this.#held;
    // Memory may have become short only now, by what others hold: nothing else would bring this body in line.
    this.#settle();
    return promise;
  }

  committedBytes(): number {
    return this.#window.end;
  }

  write(chunk: Buffer): void {
    if (this.#failure || chunk.length === 0) return;
    this.#window.append(chunk);
    this.#pumpReaders();
  }

  heldFrom(position: number): Buffer[] {
    if (this.#failure) throw this.#failure();
    if (position < this.#window.start) throw bytesLost(this.#spool.failure);
    return this.#window.slicesFrom(position);
  }

  end(): void {
    this.#ended = true;
    this.#pumpReaders();
  }

  fail(error: Error): void {
    this.#close(() => error);
  }

  linkTo(path: string, signal: AbortSignal): Promise<LinkedFile | undefined> {
    return this.#links.linkTo(path, signal);
  }

  async persist(path: string, onNamed: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    if (!this.#ended) throw new Error('A body is kept only after its end');
    // A disk that has failed to make bytes durable may say at the next try that they are.
    this.#persisted ??= this.#persist(path, onNamed);
    return this.#persisted;
  }

  dispose(): Promise<void> {
    this.#close(() => new ServiceError('INTERNAL_ERROR', 'The upload was given up.'));
    return this.#spool.remove();
  }

  open(offset: number, signal: AbortSignal, end?: number): Readable {
    if (!Number.isInteger(offset) || offset < 0 || offset > this.#window.end) {
      throw new RangeError(`A body of ${this.#window.end} bytes cannot be read from ${offset}`);
    }
    const reader = new BodyReader(this, offset, signal, end);
    if (this.#failure) reader.destroy(this.#failure());
    if (!reader.destroyed) this.#readers.add(reader);
    return reader;
  }

  bytesAt(position: number): Buffer | undefined {
    return this.#window.bytesAt(position);
  }

  async readBlock(position: number): Promise<Buffer> {
    const { budget } = this.#options;
    const end = Math.min(this.#window.start, this.#spool.writtenBytes);
    if (this.#isLost || position >= end) throw bytesLost(this.#spool.failure);
    const length = Math.min(end - position, budget.exceeded ? SMALL_BLOCK_BYTES : BLOCK_BYTES);
    budget.take(length);
    try {
      const block = await this.#spool.read(position, length);
      budget.give(length - block.length);
      return block;
    } catch (error) {
      budget.give(length);
      throw error;
    }
  }

  giveBack(bytes: number): void {
    this.#options.budget.give(bytes);
  }

  readerMoved(): void {
    for (const reader of this.#readers) if (reader.destroyed) this.#readers.delete(reader);
    this.#settle();
  }

  /** Can it not be read again from its first byte? */
  get #isLost(): boolean {
    return this.#replayLost || this.#spool.isDamaged;
  }

  async #persist(path: string, onNamed: () => Promise<void>): Promise<void> {
    if (this.#failure) throw this.#failure();
    if (this.#replayLost) throw bytesLost(this.#spool.failure);
    try {
      await this.#spool.keep(path, onNamed);
    } catch (error) {
      // It may have come while the file was being kept.
      throw this.failure ?? notKept(error);
    }
  }

  #close(failure: () => Error): void {
    if (this.#failure) return;
    this.#failure = failure;
    for (const reader of this.#readers) if (!reader.destroyed) reader.destroy(failure());
    this.#window.clear();
    this.#options.budget.leave();
    void this.#spool.remove();
    this.#settle();
  }

  #pumpReaders(): void {
    for (const reader of this.#readers) reader.pump();
    this.#settle();
  }

  /** Nothing is written after a failure, so that one is told of once. */
  #afterWrite(file?: SpoolFile): void {
    const { observer } = this.#options;
    const { failure, writtenBytes } = this.#spool;
    if (failure) observer?.spoolFailed(failure);
    else if (file && !this.#failure) observer?.spooled(file, writtenBytes);
    this.#settle();
  }

  /** Brings memory, disk and writer in line after anything has changed. */
  #settle(): void {
    if (!this.#failure) {
      this.#drop();
      if (this.#mustFlush()) this.#spool.flush();
    }
    this.#links.changed();
    this.#releaseWriter();
  }

  #releaseWriter(): void {
    if (!this.#held) return;
    const hold = this.#mustHold();
    if (hold && this.#waitsForReader()) this.#patience.begin();
    else this.#patience.end();
    if (hold) return;
    this.#held.resolve();
    this.#held = undefined;
  }

  #drop(): void {
    const window = this.#window;
    while (window.heldBytes > 0 && this.#mayDropFirst()) {
      if (window.firstEnd > this.#spool.writtenBytes) this.#loseReplay();
      window.dropFirst();
    }
  }

  /** What is on the disk stays in memory only for a reader close by; what is not, until all readers have it. */
  #mayDropFirst(): boolean {
    const { firstEnd, start } = this.#window;
    const overfull = this.#overfull();
    if (firstEnd <= this.#spool.writtenBytes) {
      return overfull ? !this.#waitsForReader() : !this.#someReader(start - BLOCK_BYTES, firstEnd);
    }
    if (!this.#spool.failure || this.#readers.size === 0) return false;
    return (this.#replayLost || overfull) && !this.#someReader(0, firstEnd);
  }

  /** Is it worth while to keep what is on the disk already, for a reader that is about to take it? */
  #waitsForReader(): boolean {
    const { firstEnd, start } = this.#window;
    if (firstEnd > this.#spool.writtenBytes || !this.#patience.left) return false;
    return this.#someReader(start, firstEnd);
  }

  /** Is a reader at or behind `from`, and before `to`? */
  #someReader(from: number, to: number): boolean {
    for (const { position } of this.#readers) if (position >= from && position < to) return true;
    return false;
  }

  /** From here on the body is what it would be without a spool; its file is of no use and the disk is short. */
  #loseReplay(): void {
    this.#replayLost = true;
    void this.#spool.remove();
  }

  /** Small writes only where memory is short; after the end, what fits stays in memory. */
  #mustFlush(): boolean {
    const unwritten = this.#window.end - this.#spool.writtenBytes;
    if (unwritten === 0) return false;
    return this.#overfull() || (this.#spool.begun && !this.#ended && unwritten >= WRITE_BYTES);
  }

  #mustHold(): boolean {
    return !this.#failure && this.#overfull();
  }

  /** A body that is small enough for memory may hold more than its share while there is enough for all. */
  #overfull(): boolean {
    const { budget, memoryBytes } = this.#options;
    const { begun } = this.#spool;
    const most = begun ? Math.min(memoryBytes, SPOOLED_BYTES) : memoryBytes;
    return this.#window.heldBytes > (begun || budget.exceeded ? Math.min(most, budget.shareBytes) : most);
  }
}
