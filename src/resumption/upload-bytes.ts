import { rename, rm } from 'node:fs/promises';
import { syncFile } from '../body/durable-file.js';
import type { CollectedBytes } from '../body/collected-bytes.js';
import { notKept } from '../body/spool-failure.js';
import { SegmentHash } from './body/segment-hash.js';
import { endOf, type Extent, withNext } from './files/extents.js';
import { readExtents } from './files/read-extents.js';
import { SegmentFile } from './files/segment-file.js';
import type { UploadFolder } from './files/upload-folder.js';
import type { UploadInfo } from './files/upload-info.js';
import type { UploadBodies } from './upload-bodies.service.js';

export interface UploadBytesOptions {
  readonly folder: UploadFolder;
  readonly info: UploadInfo;
  /** Segments of this epoch are ours. */
  readonly epoch: number;
  readonly bodies: UploadBodies;
  /** Is nobody told of it yet, and nothing on the disk? */
  readonly isUnseen?: boolean | undefined;
}

const NOTHING = Buffer.alloc(0);

/** The bytes of an upload that are here: in files, and the last ones of a small upload in memory. */
export class UploadBytes {
  epoch: number;
  #isUnseen: boolean;
  #extents: readonly Extent[];
  #file: SegmentFile | undefined;
  /** Bytes behind those in files, which are in memory alone. */
  #held: CollectedBytes | undefined;
  #spilling: Promise<void> | undefined;
  readonly #hash: SegmentHash;
  /** Are the names of its files durable? */
  #areNamesSynced = false;
  #damagedFrom: number | undefined;
  /** Files that somebody else has written, who may have been killed: they may be in memory alone. */
  #foreign: readonly Extent[] = [];

  constructor(
    private readonly options: UploadBytesOptions,
    extents: readonly Extent[],
  ) {
    this.epoch = options.epoch;
    this.#isUnseen = options.isUnseen ?? false;
    this.#hash = new SegmentHash(options.bodies.hashes);
    this.#extents = extents;
    this.#foreign = extents;
  }

  /** Its bytes are those of other files from now on. */
  replace(extents: readonly Extent[]): void {
    this.#extents = extents;
    this.#foreign = extents;
    this.#areNamesSynced = false;
  }

  /** How many there are. */
  get end(): number {
    return endOf(this.#extents) + (this.#held?.bytes.length ?? 0);
  }

  /** Is nobody told of it yet, and nothing on the disk? */
  get isUnseen(): boolean {
    return this.#isUnseen;
  }

  /** Are some of them in memory alone? */
  get hasHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Is there a file with bytes of it, or one that is being made? */
  get hasFiles(): boolean {
    return this.#extents.length > 0 || this.#file !== undefined || this.#spilling !== undefined;
  }

  get extents(): readonly Extent[] {
    return this.#extents;
  }

  /** Begins its epoch on the disk, where there is nothing of it yet. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async mark(): Promise<void> {
    await this.writer();
    await this.close();
  }

  /** Opens the file that the next bytes go to. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async writer(): Promise<SegmentFile> {
    if (this.#file) return this.#file;
    const last = this.#extents.at(-1);
    const mine = last?.isWholeFile && last.epoch === this.epoch ? last : undefined;
    const written = endOf(this.#extents);
    const { start, end } = mine ?? { start: written, end: written };
    await this.#makeFolder();
    this.#file = await this.#openFile(
      this.options.folder.segmentPath({ epoch: this.epoch, start }),
      end - start,
    );
    if (!mine) this.#add({ epoch: this.epoch, start, end: start, isWholeFile: true });
    return this.#file;
  }

  /** Counts what has come to the file. Never fails: what the file failed with, its writer is told; the next one opens it anew. */
  async count(): Promise<void> {
    const file = this.#file;
    if (!file) return;
    const hasFailed = await file.flush().then(
      () => false,
      () => true,
    );
    this.#countWritten(file);
    if (hasFailed) await this.close();
  }

  /** Memory for the last `bytes` bytes. */
  collect(bytes: number): CollectedBytes {
    return this.options.bodies.sources.collect(bytes, bytes);
  }

  /** Bytes in memory count from now on, and are the upload's. */
  hold(bytes: CollectedBytes): void {
    this.#held = bytes;
  }

  /** Writes what is in memory to a file. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR; then it stays in memory */
  spill(): Promise<void> {
    this.#spilling ??= this.#spill().finally(() => {
      this.#spilling = undefined;
    });
    return this.#spilling;
  }

  /** Where the bytes end that are surely there, when a sync has failed: nobody knows what became of those behind it. */
  get damagedFrom(): number | undefined {
    return this.#damagedFrom;
  }

  /** Makes all bytes durable, and the names of their files. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async sync(): Promise<void> {
    await this.spill();
    await this.#makeFolder();
    try {
      await Promise.all([this.#file?.sync(), this.#syncForeign(), this.#syncNames()]);
    } catch (error) {
      this.#seeDamage(this.#file);
      throw notKept(error);
    }
  }

  /** Opens a file for bytes that have to be checked before they count. */
  async stage(): Promise<SegmentFile> {
    await this.#makeFolder();
    return this.#openFile(this.#stagedPath, 0);
  }

  /** The staged bytes count from now on, `sync` included. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async takeStaged(staged: SegmentFile): Promise<void> {
    const start = this.end;
    const end = start + staged.size;
    await staged.sync();
    await this.close();
    const name = { epoch: this.epoch, start };
    await rename(this.#stagedPath, this.options.folder.segmentPath(name)).catch((error: unknown) => {
      throw notKept(error);
    });
    this.#add({ ...name, end, isWholeFile: true });
    this.#areNamesSynced = false;
    await this.sync();
  }

  async dropStaged(): Promise<void> {
    await rm(this.#stagedPath, { force: true });
  }

  /** Goes back to `offset`, in a new epoch: what lies behind it counts for nothing, whoever writes it. */
  async cutBack(offset: number, epoch: number): Promise<void> {
    await this.close();
    this.#releaseHeld();
    this.#hash.dispose();
    this.epoch = epoch;
    this.#damagedFrom = undefined;
    this.#add({ epoch, start: offset, end: offset, isWholeFile: true });
    const file = await this.#openFile(this.options.folder.segmentPath({ epoch, start: offset }), 0);
    await file.close();
    this.#areNamesSynced = false;
  }

  /** Closes what is open: an upload that nobody works on costs nothing but its entry. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (!file) return;
    this.#hash.lend(file);
    await file.sync().catch(() => this.#seeDamage(file));
    await file.close();
  }

  /** Is not used any more. */
  async dispose(): Promise<void> {
    await this.#spilling?.catch(() => undefined);
    this.#releaseHeld();
    await this.close();
    this.#hash.dispose();
  }

  /** The first `bytes` bytes, or all where there are fewer. @throws Error of the file system */
  async read(bytes: number): Promise<Buffer> {
    const held = this.#held?.bytes ?? NOTHING;
    const blocks = await readExtents(this.#extents, (extent) => this.pathOf(extent), bytes);
    if (blocks.length === 0) return held.subarray(0, bytes);
    return Buffer.concat([...blocks, held]).subarray(0, bytes);
  }

  /** The SHA-256 of all bytes, which are in files, and most of which may be hashed already. @throws INTERNAL_ERROR; Error of the file system */
  sha256(): Promise<string> {
    return this.#hash.digest(this.#extents, (extent) => this.pathOf(extent));
  }

  pathOf(extent: Extent): string {
    return this.options.folder.segmentPath(extent);
  }

  get #stagedPath(): string {
    return this.options.folder.stagedPath({ epoch: this.epoch, start: this.end });
  }

  #seeDamage(file: SegmentFile | undefined): void {
    const last = this.#extents.at(-1);
    if (file?.isDamaged && last) this.#damagedFrom = last.start + file.syncedBytes;
  }

  #add(extent: Extent): void {
    this.#extents = withNext(this.#extents, extent);
  }

  async #syncForeign(): Promise<void> {
    const foreign = this.#foreign;
    for (const extent of foreign) await syncFile(this.pathOf(extent));
    if (this.#foreign === foreign) this.#foreign = [];
  }

  async #syncNames(): Promise<void> {
    if (this.#areNamesSynced) return;
    await this.options.folder.sync();
    this.#areNamesSynced = true;
  }

  #openFile(path: string, size: number): Promise<SegmentFile> {
    const { memory } = this.options.bodies.sources;
    return SegmentFile.open(path, size, { memory, onWritten: () => this.#hashWritten() });
  }

  #countWritten({ size }: SegmentFile): void {
    const last = this.#extents.at(-1);
    if (last) this.#extents = [...this.#extents.slice(0, -1), { ...last, end: last.start + size }];
  }

  #hashWritten(): void {
    const last = this.#extents.at(-1);
    if (this.#file && last) this.#hash.written(this.#file, last.start);
  }

  async #makeFolder(): Promise<void> {
    if (!this.#isUnseen) return;
    await this.options.folder.create(this.options.info).catch((error: unknown) => {
      throw notKept(error);
    });
    this.#isUnseen = false;
  }

  /** What is in memory counts as that until it is in the file: whoever looks in between sees all of it. */
  async #spill(): Promise<void> {
    const held = this.#held;
    if (!held) return;
    const file = await this.writer();
    file.write(held.bytes);
    try {
      await file.flush();
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#countWritten(file);
    this.#releaseHeld();
  }

  #releaseHeld(): void {
    this.#held?.release();
    this.#held = undefined;
  }
}
