import type { Sql } from '../../database/sql.js';

/** What orders over many dead letters are written down under. */
export const ALL_LETTERS = 'dead_letters';

/** When an order over many dead letters may be given; milliseconds since 1970 by the clock of the database. */
export interface RedeliveryPace {
  readonly nowMs: number;
  /** Until when one, of any process, is still being carried out; 0 where there was none. */
  readonly spreadUntilMs: number;
}

/** Of two such orders, the second one waits here for the transaction of the first. */
export async function lockPace(tx: Sql): Promise<RedeliveryPace> {
  await tx.query('SELECT database_id FROM ingester.identity FOR UPDATE');
  const [row] = await tx.query<{ now: number; data: string | null }>(
    `SELECT ingester.now_ms() AS now,
      (SELECT data FROM ingester.audit WHERE subject = $1 ORDER BY audit_id DESC LIMIT 1) AS data`,
    [ALL_LETTERS],
  );
  return { nowMs: row?.now ?? 0, spreadUntilMs: spreadUntilOf(JSON.parse(row?.data ?? 'null')) };
}

function spreadUntilOf(data: unknown): number {
  const text: unknown = Reflect.get(Object(data), 'spread_until');
  return typeof text === 'string' ? Date.parse(text) || 0 : 0;
}
