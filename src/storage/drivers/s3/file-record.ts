import { z } from 'zod';
import { parseKeepingNumbers } from '../../../errors/json-numbers.js';
import { metadataSchema } from '../../metadata-schema.js';
import type { ContentDigest, FileDescription, StoredFile } from '../../storage-element.js';

const recordSchema = z.object({
  file_id: z.string(),
  original_filename: z.string(),
  content_type: z.string(),
  size: z.number(),
  checksum: z.string(),
  description: z.string().nullable(),
  tags: z.array(z.string()),
  metadata: metadataSchema,
  retention_policy: z.enum(['temporary', 'permanent']),
  ttl_days: z.number().nullable(),
  uploaded_by: z.string(),
  uploaded_by_username: z.string().nullable(),
  uploaded_at: z.iso.datetime(),
});

/** All that is known of a file, as a companion has it. */
export function recordText(file: FileDescription, { size, sha256 }: ContentDigest): string {
  const record: z.input<typeof recordSchema> = {
    file_id: file.fileId,
    original_filename: file.originalFilename,
    content_type: file.contentType,
    size,
    checksum: sha256,
    description: file.description,
    tags: [...file.tags],
    metadata: file.metadata,
    retention_policy: file.retentionPolicy,
    ttl_days: file.ttlDays,
    uploaded_by: file.uploadedBy,
    uploaded_by_username: file.uploadedByUsername,
    uploaded_at: file.uploadedAt.toISOString(),
  };
  return `${JSON.stringify(record)}\n`;
}

/** What a companion says of its file, of which `size` bytes are stored. @throws Error where it is damaged */
export function recordedFile(text: string, size: number): StoredFile {
  const record = recordSchema.parse(parseKeepingNumbers(text));
  return {
    fileId: record.file_id,
    size,
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
