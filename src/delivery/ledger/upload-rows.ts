import type { ContentDigest, FileDescription } from '../../storage/storage-element.js';
import type { Sql } from '../database/sql.js';
import type { UploadEvent, UploadRecord, UploadStatus } from '../upload-record.js';
import { descriptionFrom, type StoredDescription, storedDescriptionOf } from './stored-description.js';

export interface UploadRow {
  readonly upload_id: string;
  readonly owner: string;
  readonly status: UploadStatus;
  readonly description: StoredDescription;
  readonly size: number;
  readonly sha256: string;
  readonly file_id: string | null;
  readonly stored_at: string | null;
  readonly spool_file: string | null;
  readonly bytes_delivered: number;
  readonly revision: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly finished_at: Date | null;
}

/** The first row of an upload. */
export interface NewUpload {
  readonly uploadId: string;
  readonly status: Extract<UploadStatus, 'accepted' | 'active'>;
  readonly file: FileDescription;
  readonly digest: ContentDigest;
  readonly spoolFile: string | null;
  readonly stored?: Stored;
  readonly at: Date;
}

/** Where a file came to rest. */
export interface Stored {
  readonly target: string;
  readonly fileId: string;
}

/** How an upload changes; what is not named stays. */
export interface UploadChange {
  readonly status: UploadStatus;
  readonly stored?: Stored;
  /** Is the file in the spool of no use any more? */
  readonly dropsFile?: boolean;
  /** What those who watch are told beside the status. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly at: Date;
}

/** Ends after which a receipt is kept for its time only. A dead letter is no end: it waits for an operator. */
const FINAL = new Set<UploadStatus>(['active', 'cancelled', 'expired']);

/** Writes the first row and its event. Gives false, and changes nothing, where the id is taken. */
export async function insertUpload(sql: Sql, upload: NewUpload): Promise<boolean> {
  const inserted = await sql.query(
    `WITH inserted AS (
      INSERT INTO ingester.uploads (upload_id, owner, status, description, size, sha256, file_id, stored_at,
        spool_file, bytes_delivered, revision, created_at, updated_at, finished_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11, $12)
      ON CONFLICT (upload_id) DO NOTHING
      RETURNING upload_id
    )
    INSERT INTO ingester.events (upload_id, revision, type, data, at)
    SELECT upload_id, 1, $3::text, $13::jsonb, $11::timestamptz FROM inserted RETURNING upload_id`,
    valuesOf(upload),
  );
  return inserted.length > 0;
}

/**
 * Writes a new upload in the place of one of its id that is of no use any more: without its tasks, but with its
 * revisions, which go on. The row is locked by the caller.
 */
export async function renewUpload(sql: Sql, upload: NewUpload): Promise<void> {
  await sql.query(
    `WITH renewed AS (
      UPDATE ingester.uploads SET owner = $2, status = $3::text, description = $4, size = $5, sha256 = $6,
        file_id = $7, stored_at = $8, spool_file = $9, bytes_delivered = $10, revision = revision + 1,
        created_at = $11, updated_at = $11, finished_at = $12
      WHERE upload_id = $1
      RETURNING upload_id, revision
    ), ended AS (
      DELETE FROM ingester.tasks USING renewed WHERE tasks.upload_id = renewed.upload_id
    )
    INSERT INTO ingester.events (upload_id, revision, type, data, at)
    SELECT upload_id, revision, $3::text, $13::jsonb, $11::timestamptz FROM renewed RETURNING upload_id`,
    valuesOf(upload),
  );
}

/** In the order in which both ways to write an upload number them. */
function valuesOf({ uploadId, status, file, digest, spoolFile, stored, at }: NewUpload): unknown[] {
  return [
    uploadId,
    file.uploadedBy,
    status,
    storedDescriptionOf(file),
    digest.size,
    digest.sha256,
    stored?.fileId ?? null,
    stored?.target ?? null,
    spoolFile,
    stored ? digest.size : 0,
    at,
    FINAL.has(status) ? at : null,
    eventData(status, stored?.fileId),
  ];
}

/** Changes an upload and tells those who watch. */
export async function changeUpload(sql: Sql, uploadId: string, change: UploadChange): Promise<void> {
  const { status, stored, dropsFile = false, data, at } = change;
  await sql.query(
    `WITH changed AS (
      UPDATE ingester.uploads SET
        status = $2::text, file_id = coalesce($3::text, file_id), stored_at = coalesce($4::text, stored_at),
        spool_file = CASE WHEN $5::boolean THEN NULL ELSE spool_file END,
        bytes_delivered = CASE WHEN $2::text = 'active' THEN size ELSE bytes_delivered END,
        revision = revision + 1, updated_at = $6, finished_at = $7
      WHERE upload_id = $1
      RETURNING upload_id, revision
    )
    INSERT INTO ingester.events (upload_id, revision, type, data, at)
    SELECT upload_id, revision, $2::text, $8::jsonb, $6::timestamptz FROM changed`,
    [
      uploadId,
      status,
      stored?.fileId ?? null,
      stored?.target ?? null,
      dropsFile,
      at,
      FINAL.has(status) ? at : null,
      eventData(status, stored?.fileId, data),
    ],
  );
}

/** The upload, or undefined where there is none of the id; `lock` keeps others from changing it meanwhile. */
export async function findUpload(
  sql: Sql,
  uploadId: string,
  lock = false,
): Promise<UploadRecord | undefined> {
  const [row] = await sql.query<UploadRow>(
    `SELECT * FROM ingester.uploads WHERE upload_id = $1${lock ? ' FOR UPDATE' : ''}`,
    [uploadId],
  );
  return row && uploadFrom(row);
}

/** The uploads of these ids, as far as there are any. */
export async function findUploads(sql: Sql, uploadIds: readonly string[]): Promise<UploadRecord[]> {
  const rows = await sql.query<UploadRow>(
    'SELECT * FROM ingester.uploads WHERE upload_id = ANY ($1::uuid[])',
    [uploadIds],
  );
  return rows.map(uploadFrom);
}

/** What happened to an upload after `sinceRevision`, oldest first. */
export function findEvents(sql: Sql, uploadId: string, sinceRevision: number): Promise<UploadEvent[]> {
  return sql.query<UploadEvent>(
    `SELECT revision, type, data, at FROM ingester.events
    WHERE upload_id = $1 AND revision > $2 ORDER BY revision`,
    [uploadId, sinceRevision],
  );
}

function uploadFrom(row: UploadRow): UploadRecord {
  return {
    uploadId: row.upload_id,
    owner: row.owner,
    status: row.status,
    file: descriptionFrom(row.description),
    digest: { size: row.size, sha256: row.sha256 },
    fileId: row.file_id,
    storedAt: row.stored_at,
    spoolFile: row.spool_file,
    bytesDelivered: row.bytes_delivered,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
  };
}

function eventData(status: UploadStatus, fileId = null as string | null, data = {}): string {
  return JSON.stringify({ status, file_id: fileId, ...data });
}
