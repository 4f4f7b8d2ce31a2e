import type { Sql } from '../database/sql.js';

/** What orders over many dead letters are written down under. */
export const ALL_LETTERS = 'dead_letters';

/** Any number, as long as it stays the same: of two such orders, the second one waits here for the first. */
const LOCK_KEY = 7_310_446_202;

/** Until when an order over many dead letters, of any process, is still being carried out; 0 where there was none. */
export async function spreadUntilMs(tx: Sql): Promise<number> {
  await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
  const [last] = await tx.query<{ data: { readonly spread_until?: string } | null }>(
    'SELECT data FROM ingester.audit WHERE subject = $1 ORDER BY id DESC LIMIT 1',
    [ALL_LETTERS],
  );
  return Date.parse(last?.data?.spread_until ?? '') || 0;
}
