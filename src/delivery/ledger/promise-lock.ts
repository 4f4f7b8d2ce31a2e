import { listOf } from '../../database/rows.js';
import type { Sql, SqlDatabase } from '../../database/sql.js';

/** Of one upload alone; two that share a number only take each other for one that is being promised. */
const keyOf = (uploadId: string): string => `hashtextextended('ingester.promise:' || ${uploadId}::text, 0)`;

type Backend = SqlDatabase['backend'];

/**
 * Shows, until the transaction is over, that uploads are just being promised. SQLite does one transaction after the
 * other, so that nobody meets a promise that is being made.
 */
export async function lockPromises(tx: Sql, backend: Backend, uploadIds: readonly string[]): Promise<void> {
  if (backend === 'sqlite') return;
  const ids = uploadIds.toSorted();
  await tx.query(
    `SELECT pg_advisory_xact_lock(${keyOf('column1')}) FROM (VALUES (${listOf(ids.length).replaceAll(', ', '), (')})) AS ids`,
    ids,
  );
}

/** Is an upload promised, or just being promised? Who begins to promise it after this was asked is not seen. */
export async function isNeeded(sql: Sql, backend: Backend, uploadId: string): Promise<boolean> {
  if (backend === 'postgres') {
    const lock = `SELECT pg_try_advisory_xact_lock(${keyOf('$1')}) AS free`;
    const [row] = await sql.query<{ free: boolean }>(lock, [uploadId]);
    if (!row?.free) return true;
  }
  // A statement of its own: it sees what was committed before the lock was free.
  const rows = await sql.query(
    'SELECT 1 FROM ingester.uploads WHERE upload_id = $1 AND spool_file IS NOT NULL',
    [uploadId],
  );
  return rows.length > 0;
}
