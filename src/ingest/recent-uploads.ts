import type { ErrorCode } from '../errors/catalogue.js';
import type { UploadOutcome } from '../observability/upload-metrics.js';
import type { UploadProgress } from './upload-progress.js';

/** How an upload ended. Facts only: what it was made of may go. */
export interface EndedUpload {
  readonly uploadId: string;
  readonly protocol: string;
  /** The subject of the caller. */
  readonly caller: string;
  readonly outcome: Exclude<UploadOutcome, 'received'>;
  /** What it failed with. */
  readonly code: ErrorCode | null;
  readonly bytes: number;
  readonly durationMs: number;
  /** Where the file was sent last. */
  readonly target: string | null;
  readonly endedAtMs: number;
}

const DEFAULT_LENGTH = 1_000;

/** Remembers the last uploads that ended in this process. */
export class RecentUploads {
  private readonly ends: EndedUpload[] = [];
  private next = 0;

  constructor(private readonly length = DEFAULT_LENGTH) {}

  /** What brought a part of an upload that goes on is no end. Before its bytes are forgotten. */
  add(upload: UploadProgress, outcome: UploadOutcome, code: ErrorCode | null = null): void {
    if (outcome === 'received') return;
    const { uploadId, protocol, caller, receivedBytes: bytes, elapsedMs: durationMs } = upload;
    const { target = null } = upload;
    const endedAtMs = Date.now();
    this.ends[this.next] = {
      uploadId,
      protocol,
      caller,
      outcome,
      code,
      bytes,
      durationMs,
      target,
      endedAtMs,
    };
    this.next = (this.next + 1) % this.length;
  }

  /** The newest first. */
  get all(): readonly EndedUpload[] {
    return [...this.ends.slice(this.next), ...this.ends.slice(0, this.next)].toReversed();
  }
}
