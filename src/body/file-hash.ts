import type { Sha256Thread } from './hash/sha256-thread.js';

/**
 * The SHA-256 of bytes that lie in files: ranges of any number of them, one after the other, read by the thread that hashes.
 * Each file stays open until `whenRead` has resolved, or the hash was disposed of and that has.
 */
export class FileHash {
  #thread: Sha256Thread | undefined;
  #file = 0;
  #bytes = 0;
  #isOver = false;

  constructor(private readonly liveThread: () => Sha256Thread) {}

  /** Bytes that were handed over. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Hands over the next bytes. */
  add(descriptor: number, position: number, length: number): void {
    if (this.#isOver) return;
    this.#begin().hashRange(this.#file, { descriptor, position, length });
    this.#bytes += length;
  }

  /** Resolves when nothing that was handed over is still to be read. Never fails. */
  async whenRead(): Promise<void> {
    await this.#thread?.whenReached(this.#file).catch(() => undefined);
  }

  /** Ends it and gives 64 lower-case hex characters. @throws INTERNAL_ERROR when the hashing itself failed */
  digest(): Promise<string> {
    this.#isOver = true;
    return this.#begin().digest(this.#file);
  }

  /** Harmless when repeated, and after the digest. */
  dispose(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    void this.#thread?.forget(this.#file).catch(() => undefined);
  }

  #begin(): Sha256Thread {
    if (this.#thread) return this.#thread;
    this.#thread = this.liveThread();
    this.#file = this.#thread.nextFile();
    return this.#thread;
  }
}
