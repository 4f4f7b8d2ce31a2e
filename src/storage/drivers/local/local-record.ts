import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { parseKeepingNumbers } from '../../../errors/json-numbers.js';
import { metadataSchema } from '../../metadata-schema.js';
import type { ContentDigest, FileDescription, StoredFile } from '../../storage-element.js';
import { contentName, type LocalPlaces, versionOfContent } from './local-places.js';

const recordSchema = z.object({
  file_id: z.string(),
  content: z.string(),
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
});

/** What a record says of its file: all but the size. */
export interface LocalRecord {
  readonly version: string;
  readonly file: Omit<StoredFile, 'size'>;
}

/** The text of the record of a file. */
export function recordText(version: string, file: FileDescription, digest: ContentDigest): string {
  const record = {
    file_id: file.fileId,
    content: contentName(version),
    original_filename: file.originalFilename,
    content_type: file.contentType,
    size: digest.size,
    checksum: digest.sha256,
    description: file.description,
    tags: file.tags,
    metadata: file.metadata,
    retention_policy: file.retentionPolicy,
    ttl_days: file.ttlDays,
    uploaded_by: file.uploadedBy,
    uploaded_by_username: file.uploadedByUsername,
    uploaded_at: file.uploadedAt.toISOString(),
  };
  return `${JSON.stringify(record)}\n`;
}

/** Reads the record of the file `id` at `path`. @throws Error, with code ENOENT when there is none */
export async function readRecord(path: string, id: string): Promise<LocalRecord> {
  const record = recordSchema.parse(parseKeepingNumbers(await readFile(path, 'utf8')));
  const version = versionOfContent(record.content, id);
  if (record.file_id !== id || version === undefined) throw new Error(`The record is not one of ${id}`);
  const file = {
    fileId: id,
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
  return { version, file };
}

/** The version that the record at `path` names; undefined where there is none that can be read. */
export async function versionAt(path: string, id: string): Promise<string | undefined> {
  return readRecord(path, id).then(
    ({ version }) => version,
    () => undefined,
  );
}

/** The size of the content, as the disk says. @throws Error with code ENOENT when there is none */
export async function contentSize(places: LocalPlaces, version: string): Promise<number> {
  const { size } = await stat(places.content(version));
  return size;
}
