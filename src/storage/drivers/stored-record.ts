import { z } from 'zod';
import { metadataSchema } from '../metadata-schema.js';
import type { ContentDigest, FileDescription, StoredFile } from '../storage-element.js';

/** What every driver that writes down a file itself reads of it again; for `parseKeepingNumbers`. */
export const recordShape = {
  file_id: z.string(),
  original_filename: z.string(),
  content_type: z.string(),
  checksum: z.string(),
  uploaded_by: z.string(),
  uploaded_at: z.iso.datetime(),
  description: z.string().nullable(),
  tags: z.array(z.string()),
  metadata: metadataSchema,
  retention_policy: z.enum(['temporary', 'permanent']),
  ttl_days: z.number().nullable(),
};

const recordSchema = z.object(recordShape);

/** What is written down of a file. */
export function recordOf(file: FileDescription, { size, sha256 }: ContentDigest): Record<string, unknown> {
  return {
    file_id: file.fileId,
    original_filename: file.originalFilename,
    content_type: file.contentType,
    size,
    checksum: sha256,
    description: file.description,
    tags: file.tags,
    metadata: file.metadata,
    retention_policy: file.retentionPolicy,
    ttl_days: file.ttlDays,
    uploaded_by: file.uploadedBy,
    uploaded_by_username: file.uploadedByUsername,
    uploaded_at: file.uploadedAt.toISOString(),
  };
}

/** The file that was written down, but for its size, which the store itself says. */
export function fileOfRecord(record: z.infer<typeof recordSchema>): Omit<StoredFile, 'size'> {
  return {
    fileId: record.file_id,
    sha256: record.checksum,
    originalFilename: record.original_filename,
    contentType: record.content_type,
    uploadedBy: record.uploaded_by,
    uploadedAt: new Date(record.uploaded_at),
    remembered: {
      description: record.description,
      tags: record.tags,
      metadata: record.metadata,
      retentionPolicy: record.retention_policy,
      ttlDays: record.ttl_days,
    },
  };
}

/** The same of a file that was just stored. */
export function storedFileOf(file: FileDescription, { size, sha256 }: ContentDigest): StoredFile {
  const { fileId, originalFilename, contentType, uploadedBy, uploadedAt } = file;
  const { description, tags, metadata, retentionPolicy, ttlDays } = file;
  const remembered = { description, tags, metadata, retentionPolicy, ttlDays };
  return { fileId, size, sha256, originalFilename, contentType, uploadedBy, uploadedAt, remembered };
}
