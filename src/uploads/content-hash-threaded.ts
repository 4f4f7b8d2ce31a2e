import type { ContentHash } from './content-hash.js';
import type { Sha256Thread } from './sha256-thread.js';

/** Hashes one file on another thread; the calling one only copies the bytes over. */
export class ThreadedContentHash implements ContentHash {
  private readonly owner: number;
  /** Bytes that wait for room, in order; undefined when there are none. */
  private backlog: Promise<void> | undefined;
  private ended = false;

  constructor(private readonly thread: Sha256Thread) {
    this.owner = thread.nextOwner();
  }

  /** @throws INTERNAL_ERROR */
  update(chunk: Buffer): Promise<void> | undefined {
    const taken = this.backlog ? 0 : this.thread.offer(this.owner, chunk);
    if (taken === chunk.length) return undefined;
    const backlog = this.insist(chunk.subarray(taken), this.backlog);
    this.backlog = backlog;
    const clear = (): void => {
      if (this.backlog === backlog) this.backlog = undefined;
    };
    backlog.then(clear, clear);
    return backlog;
  }

  async digest(): Promise<string> {
    await this.backlog;
    await this.end();
    return this.thread.digestOf(this.owner);
  }

  dispose(): void {
    // The thread forgets a file with its end; when the thread is gone, so is everything that it knew.
    if (!this.ended) this.end().catch(() => undefined);
  }

  private async insist(chunk: Buffer, before: Promise<void> | undefined): Promise<void> {
    await before;
    let rest = chunk;
    while (rest.length > 0 && !this.ended) {
      rest = rest.subarray(this.thread.offer(this.owner, rest));
      if (rest.length > 0) await this.thread.whenRoom();
    }
  }

  private async end(): Promise<void> {
    this.ended = true;
    while (!this.thread.end(this.owner)) await this.thread.whenRoom();
  }
}
