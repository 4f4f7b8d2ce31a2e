import { createHash } from 'node:crypto';

/** SHA-256 of one file while it streams by. Used in order: `update`…, then `digest` or `dispose`. */
export interface ContentHash {
  /**
   * Takes the next bytes. They must not be changed afterwards: they may be read later.
   * A promise means "wait for me before the next chunk", and may be left alone; undefined means that the next may come
   * at once.
   */
  update(chunk: Buffer): Promise<void> | undefined;
  /** Ends the hash and gives 64 lower-case hex characters. @throws INTERNAL_ERROR when the hashing itself failed. */
  digest(): Promise<string>;
  /** Frees what the hash holds; for uploads that end early. Harmless after `digest` and when repeated. */
  dispose(): void;
}

/** Bytes that were written to an open file. */
export interface FileRange {
  readonly descriptor: number;
  readonly position: number;
  readonly length: number;
}

/** A hash that can fetch bytes from a file on a thread of its own. */
export interface FileReadingHash extends ContentHash {
  /** Takes the next bytes from where they lie. The file must stay open until it is left. */
  updateFrom(range: FileRange): void;
  /** Says that what comes next does not come from a file. */
  leaveFile(): void;
  /** Resolves when no file is read any more: after `leaveFile`, `digest`, `dispose`, or a failure. Never rejects. */
  whenLeft(): Promise<void>;
}

/** Hashes on the calling thread: 1.7 GB/s where the processor has SHA instructions. */
export class InlineContentHash implements ContentHash {
  private readonly hash = createHash('sha256');

  update(chunk: Buffer): undefined {
    this.hash.update(chunk);
    return undefined;
  }

  digest(): Promise<string> {
    return Promise.resolve(this.hash.digest('hex'));
  }

  dispose(): void {
    // Nothing is held beyond the object itself.
  }
}
