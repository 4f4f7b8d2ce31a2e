import type { Sql } from '../database/sql.js';
import type { Replica } from './replica-rows.js';

/** A replica says three times in it that it lives. */
const LIVES_MS = 15_000;

/** All replicas that were seen lately, this one included. */
export async function findLivingReplicas(sql: Sql): Promise<Pick<Replica, 'replicaId' | 'address'>[]> {
  const rows = await sql.query<{ replica_id: string; address: string }>(
    `SELECT replica_id, address FROM ingester.replicas
    WHERE last_seen_at > ingester.now_ms() - $1::bigint ORDER BY replica_id`,
    [LIVES_MS],
  );
  return rows.map(({ replica_id: replicaId, address }) => ({ replicaId, address }));
}
