import type { Sql } from '../../database/sql.js';

/** The time of the database, in milliseconds since 1970: what replicas compare is measured by it alone. */
export async function databaseNowMs(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ now: number }>('SELECT ingester.now_ms() AS now');
  if (!row) throw new Error('The database does not say what time it is');
  return row.now;
}
