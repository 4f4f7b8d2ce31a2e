import { rowsOf } from '../../database/rows.js';
import type { Sql } from '../../database/sql.js';
import type { UploadEvent, UploadStatus } from '../upload-record.js';

export interface NewEvent {
  readonly uploadId: string;
  readonly type: string;
  /** JSON. */
  readonly data: string;
}

/** Of the revision that their uploads have come to. */
export async function insertEvents(sql: Sql, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const { text, values } = rowsOf(
    ['uuid', 'text', 'text'],
    events.map(({ uploadId, type, data }) => [uploadId, type, data]),
  );
  await sql.query(
    `INSERT INTO ingester.events (upload_id, revision, type, data, at)
    SELECT upload_id, revision, column2, column3, ingester.now_ms()
    FROM ingester.uploads JOIN (VALUES ${text}) AS new ON upload_id = column1`,
    values,
  );
}

/** What happened to an upload after `sinceRevision`, oldest first. */
export async function findEvents(sql: Sql, uploadId: string, sinceRevision: number): Promise<UploadEvent[]> {
  const rows = await sql.query<{ revision: number; type: string; data: string; at: number }>(
    `SELECT revision, type, data, at FROM ingester.events
    WHERE upload_id = $1 AND revision > $2 ORDER BY revision`,
    [uploadId, sinceRevision],
  );
  return rows.map(({ revision, type, data, at }) => {
    return { revision, type, data: JSON.parse(data), at: new Date(at) };
  });
}

/** The data of an event: what came to be of the upload, and `more`. */
export function eventDataOf(status: UploadStatus, fileId = null as string | null, more = {}): string {
  return JSON.stringify({ status, file_id: fileId, ...more });
}
