import type { Job } from 'pg-boss';
import type { Sql } from '../database/sql.js';

/**
 * Puts a job back that we have taken and cannot read, for `delaySeconds`. It stays the same row, since a new one could
 * not be given the key and the group that only who has written it knows. Nothing happens where our lease was lost.
 */
export async function postponeAsItIs(
  sql: Sql,
  { name, id, retryCount }: Job<unknown>,
  delaySeconds: number,
): Promise<void> {
  await sql.query(
    `UPDATE pgboss.job SET state = 'created', heartbeat_on = NULL,
       start_after = now() + $4::int * interval '1 second'
     WHERE name = $1 AND id = $2 AND state = 'active' AND retry_count = $3`,
    [name, id, retryCount, delaySeconds],
  );
}
