import { open } from 'node:fs/promises';
import type { BodyHashes } from '../../body/body-hashes.service.js';
import type { FileHash } from '../../body/file-hash.js';
import type { Extent } from '../files/extents.js';
import type { SegmentFile } from '../files/segment-file.js';

/** Bytes that the hashing thread is told of at once. What is smaller as a whole is hashed when it is complete. */
const RANGE_BYTES = 1024 * 1024;

/** The SHA-256 of the bytes of an upload, most of which is made while they come. */
export class SegmentHash {
  #hash: FileHash | undefined;

  constructor(private readonly hashes: BodyHashes) {}

  /**
   * Hashes what has come to a file whose first byte is that at `start`, once that is much; what was cut off in between is read at
   * the end.
   */
  written(file: SegmentFile, start: number): void {
    const begin = this.#hash?.bytes ?? 0;
    const bytes = start + file.size - begin;
    if (begin < start || bytes < RANGE_BYTES) return;
    this.#hash ??= this.hashes.beginOfFiles();
    this.#hash.add(file.descriptor, begin - start, bytes);
  }

  /** Keeps a file open as long as it is still read. */
  lend(file: SegmentFile): void {
    if (this.#hash) file.lend(this.#hash.whenRead());
  }

  /** Begins anew with the next byte. */
  dispose(): void {
    this.#hash?.dispose();
    this.#hash = undefined;
  }

  /** The SHA-256 of all bytes. @throws INTERNAL_ERROR; Error of the file system */
  async digest(extents: readonly Extent[], pathOf: (extent: Extent) => string): Promise<string> {
    const hash = this.#hash ?? this.hashes.beginOfFiles();
    this.#hash = undefined;
    for (const extent of extents) {
      const from = Math.max(hash.bytes, extent.start);
      if (from >= extent.end) continue;
      const file = await open(pathOf(extent), 'r').catch((error: unknown) => {
        hash.dispose();
        throw error;
      });
      hash.add(file.fd, from - extent.start, extent.end - from);
      await hash.whenRead();
      await file.close();
    }
    return hash.digest();
  }
}
