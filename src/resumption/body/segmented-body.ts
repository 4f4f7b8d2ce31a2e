import { type FileHandle, open, rm, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { asError } from '../../errors/as-error.js';
import { giveSecondName } from '../../body/second-name.js';
import { bytesLost, notKept } from '../../body/spool-failure.js';
import type { DurableBody, LinkedFile } from '../../body/body-source.js';
import type { PlaceableBody } from '../../ingest/file-to-place.js';
import type { BodyRanges, ContentDigest } from '../../storage/storage-element.js';
import type { Extent } from '../files/extents.js';

/** Bytes that come from the disk at once; a stream holds about two of these. */
const BLOCK_BYTES = 256 * 1024;

export interface SegmentedBodyOptions {
  readonly extents: readonly Extent[];
  readonly pathOf: (extent: Extent) => string;
  readonly digest: ContentDigest;
  /** All bytes, where they are in memory already. */
  readonly whole: Buffer | undefined;
  /** Makes the bytes durable. */
  readonly sync: () => Promise<void>;
}

/** A file that came in several requests: all of it is here, in one file or more. */
export class SegmentedBody implements PlaceableBody, DurableBody {
  readonly complete = true;
  readonly replayable = true;
  /** Nothing can be lost any more. */
  readonly whenLost = new Promise<never>(() => undefined);

  constructor(private readonly options: SegmentedBodyOptions) {}

  get durable(): DurableBody {
    return this;
  }

  get receivedBytes(): number {
    return this.options.digest.size;
  }

  get length(): number {
    return this.options.digest.size;
  }

  get whole(): Buffer | undefined {
    return this.options.whole;
  }

  get ranges(): BodyRanges {
    return {
      keptBytes: this.length,
      read: (from, bytes, signal) => this.read(from, from + bytes, signal),
    };
  }

  digest(): ContentDigest {
    return this.options.digest;
  }

  open(signal: AbortSignal): Readable {
    return this.read(0, this.length, signal);
  }

  /** As that of `FileBody`: a file in several pieces has none that could be linked. */
  async linkTo(path: string): Promise<LinkedFile | undefined> {
    const { sync } = this.options;
    return (await this.giveName(path)) ? { whenWhole: () => Promise.resolve(true), sync } : undefined;
  }

  /** As that of `DurableBody`: the file gets a second name, or is copied. */
  async persist(path: string, onNamed: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    try {
      if (await this.giveName(path)) await Promise.all([this.options.sync(), onNamed()]);
      else {
        await this.copyTo(path);
        await onNamed();
      }
    } catch (error) {
      await rm(path, { force: true }).catch(() => undefined);
      throw notKept(error);
    }
  }

  private async giveName(path: string): Promise<boolean> {
    const [extent, another] = this.options.extents;
    if (!extent?.isWholeFile || another) return false;
    return giveSecondName(this.options.pathOf(extent), path);
  }

  private copyTo(path: string): Promise<void> {
    return writeFile(path, this.blocks(0, this.length), { flag: 'wx', mode: 0o600, flush: true });
  }

  private read(from: number, to: number, signal: AbortSignal): Readable {
    const stream = Readable.from(this.blocks(from, to), { objectMode: false, highWaterMark: BLOCK_BYTES });
    // Nobody may listen, before the first byte or after the last, when it fails: that must not end the process.
    stream.on('error', () => undefined);
    const abort = (): void => void stream.destroy(asError(signal.reason));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    stream.once('close', () => signal.removeEventListener('abort', abort));
    return stream;
  }

  private async *blocks(from: number, to: number): AsyncGenerator<Buffer> {
    if (this.whole) {
      if (to > from) yield this.whole.subarray(from, to);
      return;
    }
    for (const extent of this.options.extents) {
      const [start, end] = [Math.max(from, extent.start), Math.min(to, extent.end)];
      if (start >= end) continue;
      const file = await open(this.options.pathOf(extent), 'r').catch((error: unknown) => {
        throw bytesLost(error);
      });
      try {
        yield* blocksOf(file, start - extent.start, end - extent.start);
      } finally {
        await file.close();
      }
    }
  }
}

async function* blocksOf(file: FileHandle, from: number, to: number): AsyncGenerator<Buffer> {
  for (let position = from; position < to;) {
    const block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, to - position));
    const { bytesRead } = await file.read(block, 0, block.length, position);
    if (bytesRead === 0) throw bytesLost(new Error(`The file ends before position ${position}`));
    position += bytesRead;
    yield block.subarray(0, bytesRead);
  }
}
