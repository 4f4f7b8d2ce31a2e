import { listOf, rowsOf } from '../../database/rows.js';
import type { Sql, SqlValue } from '../../database/sql.js';
import type { RequestContext } from '../../observability/request-context.js';
import { expiryOf } from '../../storage/expiry.js';
import type { ContentDigest, FileDescription } from '../../storage/storage-element.js';
import type { UploadRecord, UploadStatus } from '../upload-record.js';
import { eventDataOf, insertEvents } from './event-rows.js';
import {
  descriptionFrom,
  type StoredDescription,
  storedDescriptionOf,
} from '../../storage/stored-description.js';

interface UploadRow {
  readonly upload_id: string;
  readonly owner: string;
  readonly id_is_callers: number;
  readonly status: UploadStatus;
  readonly description: string;
  readonly size: number;
  readonly sha256: string;
  readonly request: string | null;
  readonly file_id: string | null;
  readonly stored_at: string | null;
  readonly spool_file: string | null;
  readonly spool_id: string | null;
  readonly bytes_delivered: number;
  readonly revision: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly finished_at: number | null;
}

/** The first row of an upload. */
export interface NewUpload {
  readonly uploadId: string;
  readonly idIsCallers: boolean;
  readonly status: Extract<UploadStatus, 'accepted' | 'active'>;
  readonly file: FileDescription;
  readonly digest: ContentDigest;
  readonly spoolFile: string | null;
  /** The spool that it lies in. */
  readonly spoolId: string | null;
  /** The request that brought it. */
  readonly request: RequestContext | undefined;
  readonly stored?: Stored;
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
}

/** Ends after which a receipt is kept for its time only. A dead letter is no end: it waits for an operator. */
const FINAL = new Set<UploadStatus>(['active', 'cancelled', 'expired']);

const NEW_UPLOAD = [
  'uuid',
  'text',
  'int',
  'text',
  'text',
  'bigint',
  'text',
  'bigint',
  'text',
  'text',
  'text',
  'text',
  'text',
  'bigint',
  'int',
];
const NEW_UPLOAD_COLUMNS = `upload_id, owner, id_is_callers, status, description, size, sha256, expires_at, request,
  file_id, stored_at, spool_file, spool_id, bytes_delivered, finished_at, created_at, updated_at`;
const NEW_UPLOAD_VALUES = `column1, column2, column3, column4, column5, column6, column7, column8, column9,
  column10, column11, column12, column13, column14, CASE WHEN column15 = 1 THEN ingester.now_ms() END, ingester.now_ms(), ingester.now_ms()`;

/** Writes first rows. Gives those that are new, by their ids; of the others nothing is changed. */
export async function insertUploads(
  sql: Sql,
  uploads: readonly NewUpload[],
): Promise<ReadonlyMap<string, UploadRecord>> {
  const { text, values } = rowsOf(NEW_UPLOAD, uploads.map(valuesOf));
  const rows = await sql.query<UploadRow>(
    `INSERT INTO ingester.uploads (${NEW_UPLOAD_COLUMNS})
    SELECT ${NEW_UPLOAD_VALUES} FROM (VALUES ${text}) AS new WHERE true
    ON CONFLICT (upload_id) DO NOTHING RETURNING *`,
    values,
  );
  return new Map(rows.map((row) => [row.upload_id, uploadFrom(row)]));
}

/** Their first events. */
export async function insertFirstEvents(sql: Sql, uploads: readonly NewUpload[]): Promise<void> {
  await insertEvents(
    sql,
    uploads.map(({ uploadId, status, stored }) => {
      return { uploadId, type: status, data: eventDataOf(status, stored?.fileId) };
    }),
  );
}

/**
 * Writes a new upload in the place of one of its id that is of no use any more: without its tasks, but with
 * its revisions, which go on, and its placements. The row is locked by the caller.
 */
export async function renewUpload(sql: Sql, upload: NewUpload): Promise<void> {
  const { uploadId } = upload;
  await sql.query('DELETE FROM ingester.tasks WHERE upload_id = $1', [uploadId]);
  const { text, values } = rowsOf(NEW_UPLOAD, [valuesOf(upload)]);
  await sql.query(
    `UPDATE ingester.uploads SET (${NEW_UPLOAD_COLUMNS}, revision) =
      (SELECT ${NEW_UPLOAD_VALUES}, uploads.revision + 1 FROM (VALUES ${text}) AS new)
    WHERE upload_id = $1`,
    values,
  );
  await insertFirstEvents(sql, [upload]);
}

/** In the order of `NEW_UPLOAD`. */
function valuesOf(upload: NewUpload): SqlValue[] {
  const { uploadId, idIsCallers, status, file, digest, spoolFile, spoolId, request, stored } = upload;
  return [
    uploadId,
    file.uploadedBy,
    idIsCallers ? 1 : 0,
    status,
    storedDescriptionOf(file),
    digest.size,
    digest.sha256,
    expiryOf(file)?.getTime() ?? null,
    request ? JSON.stringify(request) : null,
    ...whereOf(stored),
    spoolFile,
    spoolId,
    stored ? digest.size : 0,
    FINAL.has(status) ? 1 : 0,
  ];
}

/** The element's id of the file, and its target. */
function whereOf(stored: Stored | undefined): [string, string] | [null, null] {
  return stored ? [stored.fileId, stored.target] : [null, null];
}

/** Changes uploads and tells those who watch. */
export async function changeUploads(
  sql: Sql,
  changes: readonly ({ readonly uploadId: string } & UploadChange)[],
): Promise<void> {
  if (changes.length === 0) return;
  const { text, values } = rowsOf(
    ['uuid', 'text', 'text', 'text', 'int', 'int'],
    changes.map(({ uploadId, status, stored, dropsFile = false }) => [
      uploadId,
      status,
      stored?.fileId ?? null,
      stored?.target ?? null,
      dropsFile ? 1 : 0,
      FINAL.has(status) ? 1 : 0,
    ]),
  );
  const changed = sql.query(
    `UPDATE ingester.uploads SET status = column2, file_id = coalesce(column3, file_id),
      stored_at = coalesce(column4, stored_at), spool_file = CASE WHEN column5 = 1 THEN NULL ELSE spool_file END,
      spool_id = CASE WHEN column5 = 1 THEN NULL ELSE spool_id END,
      bytes_delivered = CASE WHEN column2 = 'active' THEN size ELSE bytes_delivered END,
      revision = revision + 1, updated_at = ingester.now_ms(),
      finished_at = CASE WHEN column6 = 1 THEN ingester.now_ms() END
    FROM (VALUES ${text}) AS changed WHERE upload_id = column1`,
    values,
  );
  const told = insertEvents(
    sql,
    changes.map(({ uploadId, status, stored, data }) => {
      return { uploadId, type: status, data: eventDataOf(status, stored?.fileId, data) };
    }),
  );
  await Promise.all([changed, told]);
}

/** The file of the spool that an upload is promised with is another one from now on, unless it is not `former` any more. */
export async function replaceSpoolFile(
  sql: Sql,
  uploadId: string,
  { former, now }: { readonly former: string; readonly now: string },
): Promise<boolean> {
  const rows = await sql.query(
    'UPDATE ingester.uploads SET spool_file = $3 WHERE upload_id = $1 AND spool_file = $2 RETURNING upload_id',
    [uploadId, former, now],
  );
  return rows.length > 0;
}

/** How far deliveries are: bytes that their elements have taken. */
export async function saveProgress(
  sql: Sql,
  uploads: readonly { readonly uploadId: string; readonly bytes: number }[],
): Promise<void> {
  if (uploads.length === 0) return;
  const { text, values } = rowsOf(
    ['uuid', 'bigint'],
    uploads.map(({ uploadId, bytes }) => [uploadId, bytes]),
  );
  await sql.query(
    `UPDATE ingester.uploads SET bytes_delivered = column2, updated_at = ingester.now_ms()
    FROM (VALUES ${text}) AS moved WHERE upload_id = column1 AND status = 'delivering'`,
    values,
  );
}

/** The upload, or undefined where there is none of the id; `lock` keeps others from changing it meanwhile, but not from referring to it. */
export async function findUpload(
  sql: Sql,
  uploadId: string,
  lock = false,
): Promise<UploadRecord | undefined> {
  const [row] = await sql.query<UploadRow>(
    `SELECT * FROM ingester.uploads WHERE upload_id = $1${lock ? ' FOR NO KEY UPDATE' : ''}`,
    [uploadId],
  );
  return row && uploadFrom(row);
}

/** The uploads of these ids, as far as there are any. */
export async function findUploads(sql: Sql, uploadIds: readonly string[]): Promise<UploadRecord[]> {
  if (uploadIds.length === 0) return [];
  const rows = await sql.query<UploadRow>(
    `SELECT * FROM ingester.uploads WHERE upload_id IN (${listOf(uploadIds.length)})`,
    uploadIds,
  );
  return rows.map(uploadFrom);
}

function uploadFrom(row: UploadRow): UploadRecord {
  // oxlint-disable typescript/no-unsafe-type-assertion -- as it was written above
  const description = JSON.parse(row.description) as StoredDescription;
  const request = row.request === null ? undefined : (JSON.parse(row.request) as RequestContext);
  // oxlint-enable typescript/no-unsafe-type-assertion
  return {
    uploadId: row.upload_id,
    owner: row.owner,
    idIsCallers: row.id_is_callers === 1,
    status: row.status,
    file: descriptionFrom(description),
    digest: { size: row.size, sha256: row.sha256 },
    request,
    fileId: row.file_id,
    storedAt: row.stored_at,
    spoolFile: row.spool_file,
    spoolId: row.spool_id,
    bytesDelivered: row.bytes_delivered,
    revision: row.revision,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
    finishedAt: row.finished_at === null ? null : new Date(row.finished_at),
  };
}
