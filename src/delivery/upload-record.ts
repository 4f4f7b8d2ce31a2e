import type { RequestContext } from '../observability/request-context.js';
import { expiryOf } from '../storage/expiry.js';
import type { ContentDigest, FileDescription } from '../storage/storage-element.js';

/**
 * `accepted`: safe with us; `delivering`: on its way to an element; `active`: stored. The others are ends without a
 * stored file: `dead` until an operator decides, `cancelled` by its owner, `expired` before it was stored.
 */
export type UploadStatus = 'accepted' | 'delivering' | 'active' | 'dead' | 'cancelled' | 'expired';

/** What was promised about an upload, and what became of it. */
export interface UploadRecord {
  readonly uploadId: string;
  /** The subject of the caller whose upload it is. */
  readonly owner: string;
  /** Did the caller choose the id? Then other clients may have sent files under it. */
  readonly idIsCallers: boolean;
  readonly status: UploadStatus;
  readonly file: FileDescription;
  readonly digest: ContentDigest;
  /** The request that brought it; undefined where none did, as with a file that was found. */
  readonly request?: RequestContext;
  /** The storage element's id of the file; null until it is stored. */
  readonly fileId: string | null;
  /** Where it is stored: internal topology, never in an answer. */
  readonly storedAt: string | null;
  /** Name of the file in the spool that this row promises; null when it is not needed any more. */
  readonly spoolFile: string | null;
  /** The spool that it lies in: only a replica with that one has it. */
  readonly spoolId: string | null;
  /** Bytes that a storage element has taken in the attempt under way, or all. */
  readonly bytesDelivered: number;
  /** Grows with every change of state. */
  readonly revision: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** When it came to an end of its own: stored, cancelled or expired. */
  readonly finishedAt: Date | null;
}

/** One change of state of an upload. */
export interface UploadEvent {
  readonly revision: number;
  /** The status that the upload came to, or what else happened to it. */
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

/** Is nothing left of an upload but its receipt, so that the same id may be uploaded anew? */
export function isGivenUp({ status, file }: UploadRecord, at: Date): boolean {
  if (status !== 'active') return status === 'cancelled' || status === 'expired';
  const expiry = expiryOf(file);
  return expiry !== undefined && expiry <= at;
}
