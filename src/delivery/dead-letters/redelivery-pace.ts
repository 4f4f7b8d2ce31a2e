import { ServiceError } from '../../errors/service-error.js';
import type { Sql } from '../../database/sql.js';

/** What orders over many dead letters are written down under. */
export const ALL_LETTERS = 'dead_letters';

/**
 * Begins an order over many dead letters, and gives the time of the database in milliseconds since 1970. Of two such orders,
 * the second one waits here for the transaction of the first. @throws RATE_LIMITED while the one before, of any process, is
 * still being carried out
 */
export async function beginOrder(tx: Sql): Promise<number> {
  await tx.query('SELECT database_id FROM ingester.identity FOR UPDATE');
  const [row] = await tx.query<{ now: number; data: string | null }>(
    `SELECT ingester.now_ms() AS now,
      (SELECT data FROM ingester.audit WHERE subject = $1 AND action = 'redeliver' ORDER BY audit_id DESC LIMIT 1) AS data`,
    [ALL_LETTERS],
  );
  const nowMs = row?.now ?? 0;
  const retryAfterMs = spreadUntilOf(JSON.parse(row?.data ?? 'null')) - nowMs;
  if (retryAfterMs <= 0) return nowMs;
  const detail = 'Dead letters are still being redelivered by the order before.';
  throw new ServiceError('RATE_LIMITED', detail, { retryAfterMs });
}

/** The time of the database, in milliseconds since 1970. */
export async function timeOf(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ now: number }>('SELECT ingester.now_ms() AS now');
  return row?.now ?? 0;
}

/** Until when an order is carried out, in milliseconds since 1970; 0 where there was none. */
function spreadUntilOf(data: unknown): number {
  const text: unknown = Reflect.get(Object(data), 'spread_until');
  return typeof text === 'string' ? Date.parse(text) || 0 : 0;
}
