import type { Sql } from '../database/sql.js';

/** Of this upload alone; two that share a number only take each other for one that is being promised. */
const KEY = "hashtextextended('ingester.promise:' || $1::text, 0)";

/** Shows, until the transaction is over, that an upload is just being promised. */
export async function lockPromise(tx: Sql, uploadId: string): Promise<void> {
  await tx.query(`SELECT pg_advisory_xact_lock(${KEY})`, [uploadId]);
}

/** Is an upload promised, or just being promised? Who begins to promise it after this was asked is not seen. */
export async function isNeeded(sql: Sql, uploadId: string): Promise<boolean> {
  const [lock] = await sql.query<{ free: boolean }>(`SELECT pg_try_advisory_xact_lock(${KEY}) AS free`, [
    uploadId,
  ]);
  if (!lock?.free) return true;
  // A statement of its own: it sees what was committed before the lock was free.
  const rows = await sql.query(
    'SELECT 1 FROM ingester.uploads WHERE upload_id = $1 AND spool_file IS NOT NULL',
    [uploadId],
  );
  return rows.length > 0;
}
