import { createHash } from 'node:crypto';
import { ServiceError } from '../errors/service-error.js';
import type { BodyWriter, LentFile } from './body-source.js';
import type { Sha256Thread } from './hash/sha256-thread.js';

/** What is smaller is hashed in less time than it takes to ask another thread. */
const MAX_INLINE_BYTES = 256 * 1024;

/** What the thread is told of at once: more would keep it from other files, less would cost the main thread more messages. */
const RANGE_BYTES = 1024 * 1024;

/**
 * The SHA-256 of a body. A large one is hashed while it comes, out of its file in the spool, by a thread of its own, so that
 * the main one neither hashes nor copies it; the rest of it, or a small one as a whole, lies in memory at its end.
 */
export class BodyHash {
  /** Bytes that were handed over, and those that are in the file. */
  #taken = 0;
  #spooled = 0;
  #thread: Sha256Thread | undefined;
  #file = 0;
  #descriptor: number | undefined;
  /** Settles when the file is not read any more. */
  readonly #left = Promise.withResolvers<void>();
  /** Do the bytes come as chunks, since the disk takes no more? */
  #fromMemory = false;
  #ended = false;

  constructor(
    private readonly liveThread: () => Sha256Thread,
    private readonly body: BodyWriter,
  ) {}

  /**
   * Takes the next bytes, which must not be changed afterwards, before the body does. A promise means "wait for me before the
   * next chunk"; it rejects with INTERNAL_ERROR when the thread is gone.
   */
  update(chunk: Buffer): Promise<void> | undefined {
    if (!this.#fromMemory || this.#ended) return undefined;
    this.#taken += chunk.length;
    const thread = this.#begin();
    thread.hashBytes(this.#file, [chunk]);
    return thread.whenReached(this.#file);
  }

  /** The first `bytes` of the body are in `file`. */
  spooled(file: LentFile, bytes: number): void {
    if (this.#ended || this.#fromMemory) return;
    this.#descriptor ??= file.lend(this.#left.promise);
    this.#spooled = bytes;
    if (bytes - this.#taken >= RANGE_BYTES) this.#takeSpooled();
  }

  /** The body does not get any further on the disk: what comes next comes as chunks. */
  spoolFailed(): void {
    if (this.#ended || this.#fromMemory) return;
    this.#takeSpooled();
    this.#takeHeld(this.body.heldFrom(this.#taken));
    this.#fromMemory = true;
    if (this.#descriptor !== undefined) this.#leave(this.#begin().whenReached(this.#file));
  }

  /** Ends the hash and gives 64 lower-case hex characters. @throws INTERNAL_ERROR when the hashing itself failed. */
  async digest(): Promise<string> {
    if (this.#ended) throw new ServiceError('INTERNAL_ERROR', 'The upload was given up.');
    const held = this.#takeRest();
    if (held) return digestOf(held);
    this.#ended = true;
    try {
      return await this.#begin().digest(this.#file);
    } finally {
      this.#left.resolve();
    }
  }

  /** Frees what the hash holds, the file included; harmless when repeated. */
  dispose(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#leave(this.#thread?.forget(this.#file));
  }

  /** Hands over what the thread has not, unless that is all of a small body: then this is it. */
  #takeRest(): readonly Buffer[] | undefined {
    if (this.#fromMemory) return undefined;
    this.#takeSpooled();
    const held = this.body.heldFrom(this.#taken);
    if (this.#taken === 0 && bytesOf(held) <= MAX_INLINE_BYTES) return held;
    this.#takeHeld(held);
    return undefined;
  }

  #takeSpooled(): void {
    if (this.#descriptor === undefined || this.#spooled <= this.#taken) return;
    const range = {
      descriptor: this.#descriptor,
      position: this.#taken,
      length: this.#spooled - this.#taken,
    };
    this.#begin().hashRange(this.#file, range);
    this.#taken = this.#spooled;
  }

  /** What is not on the disk is in memory. */
  #takeHeld(held: readonly Buffer[]): void {
    if (held.length === 0) return;
    this.#begin().hashBytes(this.#file, held);
    this.#taken += bytesOf(held);
  }

  #begin(): Sha256Thread {
    if (this.#thread) return this.#thread;
    this.#thread = this.liveThread();
    this.#file = this.#thread.nextFile();
    return this.#thread;
  }

  /** A thread that is gone reads no file. */
  #leave(done = Promise.resolve()): void {
    void done.catch(() => undefined).then(() => this.#left.resolve());
  }
}

function digestOf(chunks: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const bytes of chunks) hash.update(bytes);
  return hash.digest('hex');
}

function bytesOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}
