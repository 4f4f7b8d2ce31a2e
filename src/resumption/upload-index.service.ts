import { Injectable } from '@nestjs/common';
import { Deliveries } from '../delivery/deliveries.service.js';
import { ServiceError } from '../errors/service-error.js';
import type { UploadInfo } from './files/upload-info.js';
import { ActiveUploads } from '../ingest/active-uploads.service.js';
import { ResumptionMetrics } from './resumption-metrics.service.js';
import { ResumptionSettings } from './resumption-settings.service.js';

/** What is kept in memory of an upload that is not complete, also of one that nobody has come back for. */
interface IndexedUpload {
  readonly owner: string;
  /** Bytes of the whole file, where they are known, else those that are here. */
  bytes: number;
  readonly parts: readonly string[];
}

interface Share {
  uploads: number;
  bytes: number;
}

/** Room in the spool for the bytes of one request. */
interface ReservedRoom {
  /** So many of them are there by now. */
  received(bytes: number): void;
  release(): void;
}

const RETRY_AFTER_MS = 60_000;

/**
 * The uploads in this spool that are not complete, as far as this process has seen them: those it created at once, others when it
 * looks through the spool. So a caller's share is counted, and it is known who waits for a part.
 */
@Injectable()
export class UploadIndex {
  private readonly uploads = new Map<string, IndexedUpload>();
  private readonly shares = new Map<string, Share>();
  /** Joined uploads, by each of their parts. */
  private readonly joined = new Map<string, Set<string>>();

  constructor(
    private readonly settings: ResumptionSettings,
    readonly metrics: ResumptionMetrics,
    private readonly deliveries: Deliveries,
    private readonly active: ActiveUploads,
  ) {
    metrics.watch(() => this.uploads.size);
  }

  /** May an upload be created of which no bytes are here yet? @throws SHUTTING_DOWN, DRAINING */
  requireNew(): void {
    this.active.requireNew();
  }

  /** May a caller have one more, of so many bytes? @throws RATE_LIMITED */
  admit(owner: string, bytes: number): void {
    const { maxUploadsPerCaller: maxUploads, maxBytesPerCaller: maxBytes } = this.settings;
    const share = this.shares.get(owner) ?? { uploads: 0, bytes: 0 };
    if (share.uploads >= maxUploads) throw tooMuch(`${maxUploads} uploads`);
    if (share.bytes + bytes > maxBytes) throw tooMuch(`uploads of ${maxBytes} bytes`);
  }

  /** Would so many bytes find room in the spool now? @throws SPOOL_FULL, QUEUE_UNAVAILABLE */
  checkRoom(uploadId: string, bytes: number): void {
    this.reserve(uploadId, bytes).release();
  }

  /** Room in the spool for bytes that are about to come. @throws SPOOL_FULL, QUEUE_UNAVAILABLE */
  reserve(uploadId: string, bytes: number): ReservedRoom {
    // Beside what its file may have reserved for a place later.
    const key = `${uploadId} coming`;
    const { deliveries } = this;
    deliveries.reserve(key, bytes);
    return {
      received: (count) => deliveries.received(key, count),
      release: () => deliveries.release(key),
    };
  }

  /** Harmless when repeated; tells whether it was not. */
  add(uploadId: string, { file, parts, length = 0 }: UploadInfo): boolean {
    if (this.uploads.has(uploadId)) return false;
    const owner = file.uploadedBy;
    this.uploads.set(uploadId, { owner, bytes: length, parts });
    const share = this.shares.get(owner) ?? { uploads: 0, bytes: 0 };
    this.shares.set(owner, { uploads: share.uploads + 1, bytes: share.bytes + length });
    for (const part of parts) this.joined.set(part, (this.joined.get(part) ?? new Set()).add(uploadId));
    return true;
  }

  /** So many bytes of one are here: it may be more than was declared, as where nothing was. */
  grow(uploadId: string, bytes: number): void {
    const upload = this.uploads.get(uploadId);
    const share = upload && this.shares.get(upload.owner);
    if (!share || upload.bytes >= bytes) return;
    share.bytes += bytes - upload.bytes;
    upload.bytes = bytes;
  }

  /** Harmless when repeated. */
  remove(uploadId: string): void {
    const upload = this.uploads.get(uploadId);
    if (!upload) return;
    this.uploads.delete(uploadId);
    const share = this.shares.get(upload.owner);
    if (share && share.uploads > 1) {
      this.shares.set(upload.owner, { uploads: share.uploads - 1, bytes: share.bytes - upload.bytes });
    } else this.shares.delete(upload.owner);
    for (const part of upload.parts) {
      const others = this.joined.get(part);
      others?.delete(uploadId);
      if (others?.size === 0) this.joined.delete(part);
    }
  }

  /** The uploads that are not complete and wait for a part. */
  joinedFrom(partId: string): string[] {
    return [...(this.joined.get(partId) ?? [])];
  }

  /** Those of a caller, or of all, in the order of their ids, which is that of their creation; `after` is left out. */
  list(owner: string | undefined, after: string, limit: number): string[] {
    return [...this.uploads]
      .filter(([uploadId, upload]) => uploadId > after && (owner === undefined || upload.owner === owner))
      .map(([uploadId]) => uploadId)
      .toSorted()
      .slice(0, limit);
  }
}

function tooMuch(what: string): ServiceError {
  return new ServiceError(
    'RATE_LIMITED',
    `You have ${what} that are not complete; complete or remove some.`,
    {
      retryAfterMs: RETRY_AFTER_MS,
    },
  );
}
