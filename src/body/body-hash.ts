import type { BodyWriter, LentFile } from './body-source.js';
import type { ContentHash, FileReadingHash } from './content-hash.js';

/**
 * The hash of a body while it comes: chunk by chunk, until the body is on the disk as well, and from there on out of its
 * file. A copy for the other thread is what it spares the main one, which has no time to lose.
 */
export class BodyHash {
  /** Bytes that were handed over. */
  private taken = 0;
  /** Descriptor of the file that the next bytes come from; undefined while they come as chunks. */
  private file: number | undefined;
  private ended = false;

  constructor(
    private readonly hash: ContentHash | FileReadingHash,
    private readonly body: BodyWriter,
  ) {}

  /** Takes the next bytes, which must not be changed afterwards. A promise means "wait for me before the next chunk". */
  update(chunk: Buffer): Promise<void> | undefined {
    if (this.file !== undefined) return undefined;
    this.taken += chunk.length;
    return this.hash.update(chunk);
  }

  /** The first `bytes` of the body are in `file`. */
  spooled(file: LentFile, bytes: number): void {
    if (this.ended || !('updateFrom' in this.hash)) return;
    this.file ??= file.lend(this.hash.whenLeft());
    if (bytes <= this.taken) return;
    this.hash.updateFrom({ descriptor: this.file, position: this.taken, length: bytes - this.taken });
    this.taken = bytes;
  }

  /** The body does not get any further on the disk: what comes next comes as chunks again. */
  spoolFailed(): void {
    if (this.ended || this.file === undefined || !('leaveFile' in this.hash)) return;
    this.file = undefined;
    this.hash.leaveFile();
    this.takeRest();
  }

  /** Ends the hash and gives 64 lower-case hex characters. @throws INTERNAL_ERROR when the hashing itself failed. */
  async digest(): Promise<string> {
    this.ended = true;
    if (this.file !== undefined) this.takeRest();
    return this.hash.digest();
  }

  /** Frees what the hash holds, the file included; harmless when repeated. */
  dispose(): void {
    this.ended = true;
    this.hash.dispose();
  }

  /** What is not on the disk is in memory. */
  private takeRest(): void {
    for (const bytes of this.body.heldFrom(this.taken)) {
      this.taken += bytes.length;
      void this.hash.update(bytes);
    }
  }
}
