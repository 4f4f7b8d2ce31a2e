import type { UploadRecord } from '../delivery/upload-record.js';
import type {
  ContentDigest,
  FileDescription,
  RetentionPolicy,
  StoredFile,
} from '../storage/storage-element.js';
import type { Receipt } from './receipt.dto.js';

const DAY_MS = 86_400_000;

/** The receipt of a file that rests on a storage element. */
export function receiptOf(
  uploadId: string,
  file: FileDescription,
  digest: ContentDigest,
  stored: StoredFile,
): Receipt {
  return write(uploadId, file, digest, { file_id: stored.fileId, status: 'active' });
}

/** The receipt of a file that was accepted: where it is on its way, without saying to whom. */
export function receiptOfRecord({ uploadId, file, digest, fileId, status }: UploadRecord): Receipt {
  return write(uploadId, file, digest, { file_id: fileId, status });
}

/**
 * The receipt that was given when the file was stored first, as far as its element remembers: what it does not
 * report is as in the repeated request, which differs from the first in nothing that a raw upload can say.
 */
export function firstReceiptOf(
  uploadId: string,
  stored: StoredFile,
  repeated: FileDescription,
  digest: ContentDigest,
): Receipt {
  const first: FileDescription = {
    ...repeated,
    originalFilename: stored.originalFilename ?? repeated.originalFilename,
    contentType: stored.contentType ?? repeated.contentType,
    uploadedBy: stored.uploadedBy ?? repeated.uploadedBy,
    uploadedAt: stored.uploadedAt ?? repeated.uploadedAt,
    ...stored.remembered,
  };
  return receiptOf(uploadId, first, digest, stored);
}

/**
 * The receipt of a file of which nobody but its element knows. What elements do not report is left open: `ttl_days`
 * null then means that nobody says. Undefined where the element does not remember whose file it is, or what is in it.
 */
export function rememberedReceiptOf(
  uploadId: string,
  stored: StoredFile,
  retentionPolicy: RetentionPolicy,
): Receipt | undefined {
  const { size, sha256, uploadedBy, uploadedAt, originalFilename, contentType } = stored;
  if (sha256 === undefined || uploadedBy === undefined || !uploadedAt) return undefined;
  const file: FileDescription = {
    fileId: stored.fileId,
    originalFilename: originalFilename ?? 'unnamed',
    contentType: contentType ?? 'application/octet-stream',
    description: null,
    tags: [],
    metadata: {},
    retentionPolicy,
    ttlDays: null,
    uploadedBy,
    uploadedByUsername: null,
    uploadedAt,
    ...stored.remembered,
  };
  return receiptOf(uploadId, file, { size, sha256 }, stored);
}

function write(
  uploadId: string,
  file: FileDescription,
  { size, sha256 }: ContentDigest,
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
    expires_at:
      file.ttlDays === null
        ? null
        : new Date(file.uploadedAt.getTime() + file.ttlDays * DAY_MS).toISOString(),
  };
}
