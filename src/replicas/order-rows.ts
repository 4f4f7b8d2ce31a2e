import type { Sql } from '../database/sql.js';
import { LIVES_MS } from './replica-rows.js';

export type OrderKind = 'force-open' | 'reset' | 'drain';

/** What an operator has ordered. Times are milliseconds since 1970, by the clock of the database. */
export interface OperatorOrder {
  readonly orderId: string;
  readonly kind: OrderKind;
  /** A circuit; null for a drain. */
  readonly target: string | null;
  /** null: all replicas. */
  readonly replicaId: string | null;
  readonly reason: string | null;
  readonly by: string;
  readonly orderedAtMs: number;
  /** null: only the word of an operator ends it. */
  readonly untilMs: number | null;
}

interface OrderRow {
  readonly order_id: string;
  readonly kind: OrderKind;
  readonly target: string | null;
  readonly replica_id: string | null;
  readonly reason: string | null;
  readonly who: string;
  readonly ordered_at: number;
  readonly until: number | null;
}

/** What is written down; `ttlMs` is undefined for what only the word of an operator ends. */
export interface NewOrder extends Omit<OperatorOrder, 'orderedAtMs' | 'untilMs'> {
  readonly ttlMs: number | undefined;
}

export async function insertOrder(sql: Sql, order: NewOrder): Promise<OperatorOrder> {
  const { orderId, kind, target, replicaId, reason, by, ttlMs = null } = order;
  const [row] = await sql.query<OrderRow>(
    `INSERT INTO ingester.orders (order_id, kind, target, replica_id, reason, who, ordered_at, until)
    VALUES ($1, $2, $3, $4, $5, $6, ingester.now_ms(), ingester.now_ms() + $7::bigint)
    RETURNING *`,
    [orderId, kind, target, replicaId, reason, by, ttlMs],
  );
  if (!row) throw new Error('an order was not written');
  return orderOf(row);
}

/** The orders that hold, oldest first, and what time it is. */
export async function findOrders(
  sql: Sql,
): Promise<{ readonly orders: readonly OperatorOrder[]; readonly nowMs: number }> {
  const rows = await sql.query<{ now: number } & (OrderRow | { order_id: null })>(
    `SELECT clock.now, orders.* FROM (SELECT ingester.now_ms() AS now) AS clock
    LEFT JOIN ingester.orders AS orders ON orders.until IS NULL OR orders.until > clock.now
    ORDER BY orders.ordered_at, orders.order_id`,
  );
  return {
    orders: rows.flatMap((row) => (row.order_id === null ? [] : [orderOf(row)])),
    nowMs: rows[0]?.now ?? 0,
  };
}

/** Removes an order that holds; undefined where there is none of this id. */
export async function removeOrder(sql: Sql, orderId: string): Promise<OperatorOrder | undefined> {
  const [row] = await sql.query<OrderRow>(
    `DELETE FROM ingester.orders
    WHERE order_id = $1 AND kind <> 'reset' AND (until IS NULL OR until > ingester.now_ms()) RETURNING *`,
    [orderId],
  );
  return row && orderOf(row);
}

/** Removes the order of which a newer one takes the place: of the same circuit, or to drain the same replica, or all of them. */
export async function removeEarlier(
  sql: Sql,
  { target, replicaId }: Pick<OperatorOrder, 'target' | 'replicaId'>,
): Promise<void> {
  const ofOne =
    target === null ? `kind = 'drain' AND replica_id = $1` : `kind = 'force-open' AND target = $1`;
  const which = target ?? replicaId;
  await (which === null
    ? sql.query(`DELETE FROM ingester.orders WHERE kind = 'drain' AND replica_id IS NULL`)
    : sql.query(`DELETE FROM ingester.orders WHERE ${ofOne}`, [which]));
}

/** A replica that is new to others may have orders before it has a row. */
const UNKNOWN_MS = 86_400_000;

/** Removes orders whose time is over, and old ones for replicas that nobody knows. */
export async function removeEnded(sql: Sql): Promise<void> {
  await sql.query(
    `DELETE FROM ingester.orders WHERE until <= ingester.now_ms() OR (
      replica_id IS NOT NULL AND ordered_at < ingester.now_ms() - $1::bigint
      AND replica_id NOT IN (SELECT replicas.replica_id FROM ingester.replicas)
    )`,
    [UNKNOWN_MS],
  );
}

/** Does a replica live? Undefined where nobody knows it. */
export async function livesReplica(sql: Sql, replicaId: string): Promise<boolean | undefined> {
  const [row] = await sql.query<{ unseen_ms: number }>(
    'SELECT ingester.now_ms() - last_seen_at AS unseen_ms FROM ingester.replicas WHERE replica_id = $1',
    [replicaId],
  );
  return row && row.unseen_ms < LIVES_MS;
}

/** Has those who order do so one after the other, so that each sees what the one before has ordered. */
export async function beOnlyOne(tx: Sql): Promise<void> {
  await tx.query('SELECT database_id FROM ingester.identity FOR UPDATE');
}

function orderOf(row: OrderRow): OperatorOrder {
  return {
    orderId: row.order_id,
    kind: row.kind,
    target: row.target,
    replicaId: row.replica_id,
    reason: row.reason,
    by: row.who,
    orderedAtMs: row.ordered_at,
    untilMs: row.until,
  };
}
