import type { UploadRecord } from '../../delivery/upload-record.js';
import { expiryOf } from '../../storage/expiry.js';
import type {
  ContentDigest,
  FileDescription,
  RetentionPolicy,
  StoredFile,
} from '../../storage/storage-element.js';
import type { Receipt } from '../receipt.dto.js';

/** What a receipt says of a file; null where nobody who was asked keeps it. */
export type KnownDescription = Omit<FileDescription, 'tags' | 'metadata'> &
  Pick<Receipt, 'tags' | 'metadata'>;

/** The receipt of a file that rests on a storage element. */
export function receiptOf(
  uploadId: string,
  file: KnownDescription,
  digest: ContentDigest,
  stored: StoredFile,
): Receipt {
  return writeReceipt(uploadId, file, digest, { file_id: stored.fileId, status: 'active' });
}

/** The receipt of a file that was accepted: where it is on its way, without saying to whom. */
export function receiptOfRecord({ uploadId, file, digest, fileId, status }: UploadRecord): Receipt {
  return writeReceipt(uploadId, file, digest, { file_id: fileId, status });
}

/** The receipt of a dead letter whose file came to rest on a storage element all the same. */
export function storedReceiptOf({ uploadId, file, digest }: UploadRecord, stored: StoredFile): Receipt {
  return receiptOf(uploadId, { ...file, uploadedAt: stored.uploadedAt ?? file.uploadedAt }, digest, stored);
}

/** What is known of a file from now on where only its element keeps it: no metadata, unless the element gives it back. */
export function keptDescriptionOf(stored: StoredFile, file: FileDescription): KnownDescription {
  const isKept = stored.remembered !== undefined || Object.keys(file.metadata).length === 0;
  return isKept ? file : { ...file, metadata: null };
}

/**
 * What was said of a file when it was stored first, as far as its element remembers: what it does not
 * report is as in the repeated request, which differs from the first in nothing that a raw upload can say.
 */
export function firstDescriptionOf(stored: StoredFile, repeated: FileDescription): FileDescription {
  return {
    ...repeated,
    originalFilename: stored.originalFilename ?? repeated.originalFilename,
    contentType: stored.contentType ?? repeated.contentType,
    uploadedBy: stored.uploadedBy ?? repeated.uploadedBy,
    uploadedAt: stored.uploadedAt ?? repeated.uploadedAt,
    ...stored.remembered,
  };
}

/**
 * The receipt of a file of which nobody but its element knows. What elements do not report is left open: null
 * then means that nobody says. Undefined where the element does not remember whose file it is, or what is in it.
 */
export function rememberedReceiptOf(
  uploadId: string,
  stored: StoredFile,
  retentionPolicy: RetentionPolicy,
): Receipt | undefined {
  const { size, sha256, uploadedBy, uploadedAt, originalFilename, contentType } = stored;
  if (sha256 === undefined || uploadedBy === undefined || !uploadedAt) return undefined;
  const file: KnownDescription = {
    fileId: stored.fileId,
    originalFilename: originalFilename ?? 'unnamed',
    contentType: contentType ?? 'application/octet-stream',
    description: null,
    tags: null,
    metadata: null,
    retentionPolicy,
    ttlDays: null,
    uploadedBy,
    uploadedByUsername: null,
    uploadedAt,
    ...stored.remembered,
  };
  return receiptOf(uploadId, file, { size, sha256 }, stored);
}

/** The receipt as it is at a time, in milliseconds since 1970: nobody keeps a stored file longer than its owner wanted. */
export function asOf(receipt: Receipt, nowMs: number): Receipt {
  const { status, expires_at: expiresAt } = receipt;
  const isOver = status === 'active' && expiresAt !== null && Date.parse(expiresAt) <= nowMs;
  return isOver ? Object.assign({}, receipt, { status: 'expired' } as const) : receipt;
}

/** What is known of the bytes of a file, all of which need not have come. */
interface ReceivedContent {
  readonly size: number | null;
  readonly sha256: string | null;
}

/** A receipt of these words. */
export function writeReceipt(
  uploadId: string,
  file: KnownDescription,
  { size, sha256 }: ReceivedContent,
  state: Pick<Receipt, 'file_id' | 'status'>,
): Receipt {
  return {
    upload_id: uploadId,
    file_id: state.file_id,
    original_filename: file.originalFilename,
    content_type: file.contentType,
    size,
    checksum: sha256,
    uploaded_by: file.uploadedBy,
    uploaded_at: file.uploadedAt.toISOString(),
    description: file.description,
    tags: file.tags,
    metadata: file.metadata,
    status: state.status,
    retention_policy: file.retentionPolicy,
    ttl_days: file.ttlDays,
    expires_at: expiryOf(file)?.toISOString() ?? null,
  };
}
