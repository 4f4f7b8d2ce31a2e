import { close, fdatasync, open, writev } from 'node:fs';
import { promisify } from 'node:util';
import type { MemoryBudget } from '../../body/memory-budget.js';
import { notKept, spoolFull } from '../../body/spool-failure.js';
import type { AppendTarget } from './append-target.js';

const openFile = promisify(open);
const writeFile = promisify(writev);
const syncFile = promisify(fdatasync);
const closeFile = promisify(close);

/**
 * Bytes that may wait for the disk before whoever brings them has to: some come while others are written. Where many files are
 * written it is less, a quarter of what each may hold: a hundred clients that are faster than the disk fill all there is.
 */
const QUEUED_BYTES = { least: 64 * 1024, most: 512 * 1024 };
const QUEUED_PART = 1 / 4;
/** Half of what may wait goes to the disk at once, more or less. A call costs as much as a copy of 64 KiB, most of it for waking a thread. */
const WRITTEN_PART = 1 / 2;
/** As many chunks are written also where they are small: each keeps more memory than it has bytes. */
const MOST_CHUNKS = 4;
/** So long fewer bytes wait for more, in milliseconds: those of a client that stalls are in the file all the same. */
const MOST_WAIT_MS = 20;
/** Bytes that are made durable at once while more come, so that nobody waits for all of them at the end. */
const EARLY_SYNC_BYTES = 32 * 1024 * 1024;

export interface SegmentFileOptions {
  /** What waits for the disk counts there, and what was written is let go of (docs/adr/0009-collect-young-buffers.md). */
  readonly memory: MemoryBudget;
  /** More bytes are in the file. */
  readonly onWritten: () => void;
}

/** A file that bytes of an upload are appended to. A failure is final: what was written before it stays. */
export class SegmentFile implements AppendTarget {
  /** Told when so many bytes of the file are durable. */
  onSynced: ((bytes: number) => void) | undefined;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #size: number;
  #syncedBytes: number;
  #writing: Promise<void> | undefined;
  #drained: PromiseWithResolvers<void> | undefined;
  #syncing: Promise<void> | undefined;
  #failure: Error | undefined;
  /** So many wait for all that came. */
  #flushing = 0;
  #soon: NodeJS.Timeout | undefined;
  #syncFailed = false;
  /** Settles when nobody else reads through the descriptor. */
  #lent: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly descriptor: number,
    size: number,
    private readonly options: SegmentFileOptions,
  ) {
    this.#size = size;
    this.#syncedBytes = size;
  }

  /** Opens the file to go on behind its `size` bytes; one of none is made. @throws SPOOL_FULL, INTERNAL_ERROR */
  static async open(path: string, size: number, options: SegmentFileOptions): Promise<SegmentFile> {
    try {
      return new SegmentFile(await openFile(path, size > 0 ? 'r+' : 'w+', 0o600), size, options);
    } catch (error) {
      throw notKept(error);
    }
  }

  /** Bytes that were written. */
  get size(): number {
    return this.#size;
  }

  /** Has a sync failed? Nobody knows then what of the file is on the disk: only its first `syncedBytes` bytes count. */
  get isDamaged(): boolean {
    return this.#syncFailed;
  }

  get syncedBytes(): number {
    return this.#syncedBytes;
  }

  /** Takes the next bytes, which must not be changed afterwards. @throws what the last write failed with */
  write(chunk: Buffer): void {
    if (this.#failure) throw this.#failure;
    if (chunk.length === 0) return;
    if (this.#queuedBytes === 0) this.options.memory.join();
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    this.options.memory.take(chunk.length);
    if (this.#mustWrite) this.#begin();
    else this.#beginSoon();
  }

  /** Settles when the next bytes may come; undefined when they may at once. */
  get backPressure(): Promise<void> | undefined {
    if (this.#queuedBytes <= this.#mostQueuedBytes) return undefined;
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  /** Resolves when all that came is in the file. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async flush(): Promise<void> {
    await this.#writeQueued();
    if (this.#failure) throw this.#failure;
  }

  /** Makes all that was written durable. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async sync(): Promise<void> {
    await this.#writeQueued();
    await this.#syncing;
    if (this.#syncFailed && this.#failure) throw this.#failure;
    if (this.#syncedBytes === this.#size) return;
    await this.#sync();
    if (this.#syncFailed && this.#failure) throw this.#failure;
  }

  /** Keeps the descriptor open at least until `done` settles. */
  lend(done: Promise<unknown>): void {
    this.#lent = Promise.allSettled([this.#lent, done]);
  }

  /** Never fails. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#writeQueued(), this.#syncing, this.#lent]);
    clearTimeout(this.#soon);
    // The number of the descriptor is given out again at once: what is still to be written would go to another file.
    this.#failure ??= notKept(new Error('The file is closed'));
    await closeFile(this.descriptor).catch(() => undefined);
  }

  get #mustWrite(): boolean {
    if (this.#failure || this.#queue.length === 0) return false;
    return this.#flushing > 0 || this.#queuedBytes >= this.#writeBytes || this.#queue.length >= MOST_CHUNKS;
  }

  get #mostQueuedBytes(): number {
    const { least, most } = QUEUED_BYTES;
    return Math.max(least, Math.min(most, this.options.memory.shareBytes * QUEUED_PART));
  }

  get #writeBytes(): number {
    return this.#mostQueuedBytes * WRITTEN_PART;
  }

  #begin(): void {
    this.#writing ??= this.#write();
  }

  #beginSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.#writeQueued();
    }, MOST_WAIT_MS);
  }

  async #writeQueued(): Promise<void> {
    this.#flushing += 1;
    if (this.#mustWrite) this.#begin();
    await this.#writing;
    this.#flushing -= 1;
  }

  async #write(): Promise<void> {
    while (this.#mustWrite) {
      await this.#writeNext(this.#takeNext());
      this.#letGoOn();
    }
    this.#writing = undefined;
    if (this.#queue.length > 0) this.#beginSoon();
  }

  #letGoOn(): void {
    // Nothing is written after a failure, which the next bytes are told.
    if (!this.#failure && this.#queuedBytes > this.#mostQueuedBytes) return;
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #takeNext(): Buffer[] {
    let bytes = 0;
    const enough = this.#writeBytes;
    const after = this.#queue.findIndex(({ length }) => (bytes += length) >= enough);
    return this.#queue.splice(0, after < 0 ? this.#queue.length : after + 1);
  }

  /** A disk that is almost full writes a part, and says so only with the next call. */
  async #writeNext(chunks: Buffer[]): Promise<void> {
    const wanted = chunks.reduce((sum, { length }) => sum + length, 0);
    try {
      const { bytesWritten } = await writeFile(this.descriptor, chunks, this.#size);
      this.#size += bytesWritten;
      this.#letGo(bytesWritten);
      if (bytesWritten > 0) this.options.onWritten();
      if (bytesWritten === 0) throw spoolFull('The disk takes no more bytes.');
      if (bytesWritten < wanted) this.#queue.unshift(restOf(chunks, bytesWritten));
      this.#syncEarly();
    } catch (error) {
      this.#failure = notKept(error);
      this.#queue = [];
      this.#letGo(this.#queuedBytes);
    }
  }

  #letGo(bytes: number): void {
    if (bytes === 0) return;
    this.#queuedBytes -= bytes;
    this.options.memory.give(bytes);
    if (this.#queuedBytes === 0) this.options.memory.leave();
  }

  #syncEarly(): void {
    if (this.#syncing || this.#size - this.#syncedBytes < EARLY_SYNC_BYTES) return;
    void this.#sync();
  }

  /** Never fails: whoever waits for it asks. */
  #sync(): Promise<void> {
    const size = this.#size;
    this.#syncing = this.#syncUpTo(size);
    return this.#syncing;
  }

  async #syncUpTo(size: number): Promise<void> {
    try {
      await syncFile(this.descriptor);
      this.#syncedBytes = size;
      this.onSynced?.(size);
    } catch (error) {
      this.#syncFailed = true;
      this.#failure = notKept(error);
    }
    this.#syncing = undefined;
  }
}

function restOf(chunks: readonly Buffer[], written: number): Buffer {
  return Buffer.concat(chunks).subarray(written);
}
