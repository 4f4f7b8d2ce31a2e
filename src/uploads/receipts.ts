import type { ContentDigest, FileDescription, StoredFile } from '../storage/storage-element.js';
import type { Receipt } from './receipt.dto.js';

const DAY_MS = 86_400_000;

/** The receipt of a file that rests on a storage element. */
export function receiptOf(
  uploadId: string,
  file: FileDescription,
  { size, sha256 }: ContentDigest,
  stored: StoredFile,
): Receipt {
  return {
    upload_id: uploadId,
    file_id: stored.fileId,
    original_filename: file.originalFilename,
    content_type: file.contentType,
    size,
    checksum: sha256,
    uploaded_by: file.uploadedBy,
    uploaded_at: file.uploadedAt.toISOString(),
    description: file.description,
    tags: file.tags,
    metadata: file.metadata,
    status: 'active',
    retention_policy: file.retentionPolicy,
    ttl_days: file.ttlDays,
    expires_at:
      file.ttlDays === null
        ? null
        : new Date(file.uploadedAt.getTime() + file.ttlDays * DAY_MS).toISOString(),
  };
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
  };
  return receiptOf(uploadId, first, digest, stored);
}
