import type { UploadResult } from '../ingest/upload-result.js';
import { MAX_WHOLE_BYTES } from '../ingest/whole-files.js';
import type { UploadEnd } from './files/upload-end.js';
import type { UploadFolder, UploadOnDisk } from './files/upload-folder.js';
import type { UploadInfo } from './files/upload-info.js';
import type { Append, UploadState } from './resumable-upload.js';
import { Turns } from './turns.js';
import { UploadBytes, type UploadBytesOptions } from './upload-bytes.js';

export interface OpenUploadOptions extends Omit<UploadBytesOptions, 'info'> {
  readonly uploadId: string;
  /** After so long without new bytes it is given up. */
  readonly maxIdleMs: number;
  /** Was it created here a moment ago, under an id that nobody can have sent a file under? */
  readonly isIdNew?: boolean | undefined;
}

/** An upload that this process has: its files, and what is known of them. One request at a time is at work on it. */
export class OpenUpload {
  readonly turns = new Turns();
  readonly bytes: UploadBytes;
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
  /** Can there be no file under its id, as nobody has tried to store one? */
  isIdNew: boolean;
  /** Can another process read how it ended? */
  isEndSaved: boolean;

  constructor(
    private readonly options: OpenUploadOptions,
    onDisk: UploadOnDisk,
  ) {
    ({ info: this.info, length: this.length, end: this.end, touchedAtMs: this.touchedAtMs } = onDisk);
    this.isIdNew = options.isIdNew ?? false;
    this.isEndSaved = onDisk.end !== undefined;
    this.bytes = new UploadBytes({ ...options, info: this.info }, onDisk.extents);
  }

  get uploadId(): string {
    return this.options.uploadId;
  }

  get folder(): UploadFolder {
    return this.options.folder;
  }

  get epoch(): number {
    return this.bytes.epoch;
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
    if (this.end?.kind === 'placed') return this.end.length;
    return this.bytes.end;
  }

  /** Is it a small file as a whole with the bytes that a request brings? */
  isSmallWith({ declaredBytes = Infinity, length, isLast }: Append): boolean {
    const end = this.offset + declaredBytes;
    const isEnd = isLast || (!this.info.endsWhenTold && end === (length ?? this.length));
    return this.info.kind === 'file' && isEnd && end <= MAX_WHOLE_BYTES;
  }

  /** Does nobody work on it? */
  get isIdle(): boolean {
    return this.turns.areOver && !this.completion;
  }

  get isComplete(): boolean {
    if (this.end?.kind === 'placed') return true;
    if (this.info.endsWhenTold && !this.wasTold) return false;
    return this.length !== undefined && this.offset === this.length;
  }
}
