import { ServiceError } from '../../errors/service-error.js';
import type { FileRange, FileReadingHash } from '../content-hash.js';
import { LEAVE_FILE, type Piece, type Sha256Thread } from './sha256-thread.js';

/** Hashes one file on another thread; the calling one copies the bytes over, or says where they lie. */
export class ThreadedContentHash implements FileReadingHash {
  private readonly owner: number;
  /** What waits for room, in order. */
  private waiting: Piece[] = [];
  /** Settles when nothing waits any more; undefined when nothing does. */
  private emptying: Promise<void> | undefined;
  private ended = false;

  constructor(private readonly thread: Sha256Thread) {
    this.owner = thread.nextOwner();
  }

  /** The promise rejects with INTERNAL_ERROR when the thread is gone. */
  update(chunk: Buffer): Promise<void> | undefined {
    return this.take(chunk);
  }

  updateFrom(range: FileRange): void {
    if (range.length > 0) void this.take(range);
  }

  leaveFile(): void {
    void this.take(LEAVE_FILE);
  }

  whenLeft(): Promise<void> {
    return this.thread.whenLeft(this.owner);
  }

  async digest(): Promise<string> {
    await this.emptying;
    if (this.ended) throw new ServiceError('INTERNAL_ERROR', 'The upload was given up.');
    await this.end();
    return this.thread.digestOf(this.owner);
  }

  dispose(): void {
    // The thread forgets a file with its end; when the thread is gone, so is everything that it knew.
    if (!this.ended) this.end().catch(() => undefined);
  }

  private take(piece: Piece): Promise<void> | undefined {
    if (this.ended) return undefined;
    const rest = this.emptying || this.thread.failed ? piece : this.thread.offer(this.owner, piece);
    if (rest) this.wait(rest);
    return this.emptying;
  }

  private wait(piece: Piece): void {
    const last = this.waiting.at(-1);
    const joined = last && join(last, piece);
    if (joined) this.waiting.splice(-1, 1, joined);
    else this.waiting.push(piece);
    this.emptying ??= this.empty();
    // Who does not wait for it hears of a failure with the digest.
    this.emptying.catch(() => undefined);
  }

  private async empty(): Promise<void> {
    try {
      while (this.waiting.length > 0) {
        await this.thread.whenRoom();
        const next = this.waiting.shift();
        const rest = next && this.thread.offer(this.owner, next);
        if (rest) this.waiting.unshift(rest);
      }
    } finally {
      this.emptying = undefined;
    }
  }

  private async end(): Promise<void> {
    this.ended = true;
    this.waiting = [];
    while (!this.thread.end(this.owner)) await this.thread.whenRoom();
  }
}

/** One range for two that follow on each other, so that any number of them waits in little room. */
function join(one: Piece, next: Piece): Piece | undefined {
  if (Buffer.isBuffer(one) || Buffer.isBuffer(next)) return undefined;
  const follows = next.descriptor === one.descriptor && next.position === one.position + one.length;
  return follows && next.length > 0 ? { ...one, length: one.length + next.length } : undefined;
}
