import type { Sql } from '../database/sql.js';

/** A process of the service. */
export interface Replica {
  readonly replicaId: string;
  readonly version: string;
  /** Where other replicas reach it: a URL. */
  readonly address: string;
  readonly spoolId: string;
}

/** A spool folder that some replica has or had. */
export interface KnownSpool {
  readonly spoolId: string;
  /** Of the replica that was seen last with it. */
  readonly address: string;
  readonly lastSeenAt: Date;
}

/** Says that a replica lives. */
export async function saveReplica(
  sql: Sql,
  { replicaId, version, address, spoolId }: Replica,
): Promise<void> {
  await sql.query(
    `INSERT INTO ingester.replicas (replica_id, version, address, spool_id, started_at, last_seen_at)
    VALUES ($1, $2, $3, $4, ingester.now_ms(), ingester.now_ms())
    ON CONFLICT (replica_id) DO UPDATE SET last_seen_at = excluded.last_seen_at, spool_id = excluded.spool_id`,
    [replicaId, version, address, spoolId],
  );
}

/** All spools, each with who had it last, and how many replicas were seen in the last `withinMs`. */
export async function findOthers(
  sql: Sql,
  withinMs: number,
): Promise<{ readonly spools: readonly KnownSpool[]; readonly living: number }> {
  const rows = await sql.query<{ spool_id: string; address: string; last_seen_at: number; now: number }>(
    'SELECT spool_id, address, last_seen_at, ingester.now_ms() AS now FROM ingester.replicas ORDER BY last_seen_at',
  );
  const spools = new Map(
    rows.map(({ spool_id: spoolId, address, last_seen_at: at }) => {
      return [spoolId, { spoolId, address, lastSeenAt: new Date(at) }];
    }),
  );
  const living = rows.filter(({ last_seen_at: at, now }) => at > now - withinMs).length;
  return { spools: [...spools.values()], living };
}

/** Forgets replicas that were not seen for `ageMs`, but for those with whose spool something waits. */
export async function removeReplicas(sql: Sql, ageMs: number): Promise<void> {
  await sql.query(
    `DELETE FROM ingester.replicas WHERE last_seen_at < ingester.now_ms() - $1::bigint AND NOT EXISTS (
      SELECT 1 FROM ingester.uploads WHERE uploads.spool_id = replicas.spool_id AND spool_file IS NOT NULL
    )`,
    [ageMs],
  );
}
