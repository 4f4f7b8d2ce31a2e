import { open, rename, rm } from 'node:fs/promises';
import type { BodyHashes } from '../body/body-hashes.service.js';
import type { UploadResult } from '../ingest/upload-result.js';
import type { FileHash } from '../body/file-hash.js';
import { syncFile } from '../body/durable-file.js';
import { notKept } from '../body/spool-failure.js';
import { endOf, type Extent, withNext } from './files/extents.js';
import { SegmentFile } from './files/segment-file.js';
import type { UploadEnd } from './files/upload-end.js';
import type { UploadFolder, UploadOnDisk } from './files/upload-folder.js';
import type { UploadInfo } from './files/upload-info.js';
import type { UploadState } from './resumable-upload.js';
import { Turns } from './turns.js';

/** Bytes that the hashing thread is told of at once. What is smaller as a whole is hashed when it is complete. */
const RANGE_BYTES = 1024 * 1024;

export interface OpenUploadOptions {
  readonly uploadId: string;
  readonly folder: UploadFolder;
  /** Segments of this epoch are ours. */
  readonly epoch: number;
  readonly hashes: BodyHashes;
  /** After so long without new bytes it is given up. */
  readonly maxIdleMs: number;
}

/** An upload that this process has: its files, and what is known of them. One request at a time is at work on it. */
export class OpenUpload {
  readonly turns = new Turns();
  epoch: number;
  readonly info: UploadInfo;
  /** Bytes of the whole file, where they are known. */
  length: number | undefined;
  end: UploadEnd | undefined;
  /** Its file on the way to its place, once all bytes are here. */
  completion: Promise<UploadResult> | undefined;
  /** When bytes came last, in milliseconds since 1970. */
  touchedAtMs: number;
  /** Bytes that the parts of a joined upload have together, while it is not complete. */
  partsOffset: number | undefined;
  /** Has a request said that all bytes are here? Nobody was told that this is known: it need not outlive the process. */
  wasTold = false;
  /** Was the type of its bytes looked at? */
  isRecognised = false;
  #extents: readonly Extent[];
  #file: SegmentFile | undefined;
  #hash: FileHash | undefined;
  /** Are the names of its files durable? */
  #areNamesSynced = false;
  #damagedFrom: number | undefined;
  /** Files that somebody else has written, who may have been killed: they may be in memory alone. */
  #foreign: readonly Extent[] = [];

  constructor(
    private readonly options: OpenUploadOptions,
    onDisk: UploadOnDisk,
  ) {
    this.epoch = options.epoch;
    ({
      info: this.info,
      length: this.length,
      end: this.end,
      touchedAtMs: this.touchedAtMs,
      extents: this.#extents,
    } = onDisk);
    this.#foreign = onDisk.extents;
  }

  /** Its bytes are those of other files from now on. */
  replaceBytes(extents: readonly Extent[]): void {
    this.#extents = extents;
    this.#foreign = extents;
    this.#areNamesSynced = false;
  }

  get uploadId(): string {
    return this.options.uploadId;
  }

  get folder(): UploadFolder {
    return this.options.folder;
  }

  /** As it is shown. */
  get state(): UploadState {
    const { uploadId, info, end, isComplete } = this;
    return {
      uploadId,
      protocol: info.protocol,
      kind: info.kind,
      offset: isComplete ? this.offset : (this.partsOffset ?? this.offset),
      length: end?.kind === 'placed' ? end.length : this.length,
      isComplete,
      result: end?.kind === 'placed' ? end.result : undefined,
      expiresAtMs: isComplete && info.kind !== 'part' ? undefined : this.touchedAtMs + this.options.maxIdleMs,
      note: info.note,
    };
  }

  get offset(): number {
    return this.end?.kind === 'placed' ? this.end.length : endOf(this.#extents);
  }

  /** Does nobody work on it? */
  get isIdle(): boolean {
    return this.turns.areOver && !this.completion;
  }

  get extents(): readonly Extent[] {
    return this.#extents;
  }

  get isComplete(): boolean {
    if (this.end?.kind === 'placed') return true;
    if (this.info.endsWhenTold && !this.wasTold) return false;
    return this.length !== undefined && this.offset === this.length;
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
    const { start, end } = mine ?? { start: this.offset, end: this.offset };
    const path = this.folder.segmentPath({ epoch: this.epoch, start });
    this.#file = await SegmentFile.open(path, end - start, () => this.#hashWritten());
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
    const last = this.#extents.at(-1);
    if (last) this.#extents = [...this.#extents.slice(0, -1), { ...last, end: last.start + file.size }];
    if (hasFailed) await this.close();
  }

  /** Where the bytes end that are surely there, when a sync has failed: nobody knows what became of those behind it. */
  get damagedFrom(): number | undefined {
    return this.#damagedFrom;
  }

  /** Makes all bytes durable, and the names of their files. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async sync(): Promise<void> {
    try {
      await Promise.all([this.#file?.sync(), this.#syncForeign(), this.#syncNames()]);
    } catch (error) {
      this.#seeDamage(this.#file);
      throw notKept(error);
    }
  }

  /** Opens a file for bytes that have to be checked before they count. */
  stage(): Promise<SegmentFile> {
    return SegmentFile.open(this.#stagedPath, 0);
  }

  /** The staged bytes count from now on, `sync` included. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async takeStaged(staged: SegmentFile): Promise<void> {
    const [start, end] = [this.offset, this.offset + staged.size];
    await staged.sync();
    await this.close();
    const name = { epoch: this.epoch, start };
    await rename(this.#stagedPath, this.folder.segmentPath(name)).catch((error: unknown) => {
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
    this.#hash?.dispose();
    this.#hash = undefined;
    this.epoch = epoch;
    this.#damagedFrom = undefined;
    this.#add({ epoch, start: offset, end: offset, isWholeFile: true });
    const file = await SegmentFile.open(this.folder.segmentPath({ epoch, start: offset }), 0);
    await file.close();
    this.#areNamesSynced = false;
  }

  /** Closes what is open: an upload that nobody works on costs nothing but its entry. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (!file) return;
    if (this.#hash) file.lend(this.#hash.whenRead());
    await file.sync().catch(() => this.#seeDamage(file));
    await file.close();
  }

  /** Is not used any more. */
  async dispose(): Promise<void> {
    await this.close();
    this.#hash?.dispose();
    this.#hash = undefined;
  }

  /** The first `bytes` bytes, or all where there are fewer. @throws Error of the file system */
  async read(bytes: number): Promise<Buffer> {
    const blocks: Buffer[] = [];
    for (const extent of this.#extents) {
      if (extent.start >= bytes) break;
      blocks.push(await beginningOf(this.pathOf(extent), Math.min(bytes, extent.end) - extent.start));
    }
    return Buffer.concat(blocks);
  }

  /** The SHA-256 of all bytes, most of which may be hashed already. @throws INTERNAL_ERROR; Error of the file system */
  async sha256(): Promise<string> {
    const hash = this.#hash ?? this.options.hashes.beginOfFiles();
    this.#hash = undefined;
    for (const extent of this.#extents) {
      const from = Math.max(hash.bytes, extent.start);
      if (from >= extent.end) continue;
      const file = await open(this.pathOf(extent), 'r').catch((error: unknown) => {
        hash.dispose();
        throw error;
      });
      hash.add(file.fd, from - extent.start, extent.end - from);
      await hash.whenRead();
      await file.close();
    }
    return hash.digest();
  }

  pathOf(extent: Extent): string {
    return this.folder.segmentPath(extent);
  }

  get #stagedPath(): string {
    return this.folder.stagedPath({ epoch: this.epoch, start: this.offset });
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
    await this.folder.sync();
    this.#areNamesSynced = true;
  }

  /** Hashes what has come while it comes, once that is much; what was cut off in between is read at the end. */
  #hashWritten(): void {
    const [file, last] = [this.#file, this.#extents.at(-1)];
    if (!file || !last) return;
    const begin = this.#hash?.bytes ?? 0;
    const bytes = last.start + file.size - begin;
    if (begin < last.start || bytes < RANGE_BYTES) return;
    this.#hash ??= this.options.hashes.beginOfFiles();
    this.#hash.add(file.descriptor, begin - last.start, bytes);
  }
}

async function beginningOf(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const block = Buffer.allocUnsafeSlow(bytes);
    const { bytesRead } = await file.read(block, 0, bytes, 0);
    return block.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
