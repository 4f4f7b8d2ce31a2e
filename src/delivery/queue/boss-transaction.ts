import type { Db } from 'pg-boss';
import type { Sql } from '../database/sql.js';

/** Lets pg-boss run its statements inside our transaction. */
export function bossOf(tx: Sql): Db {
  return { executeSql: async (text, values) => ({ rows: await tx.query(text, values) }) };
}
