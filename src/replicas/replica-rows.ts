import type { Sql } from '../database/sql.js';

/** A process of the service. */
export interface Replica {
  readonly replicaId: string;
  readonly version: string;
  /** Where other replicas reach it: a URL. */
  readonly address: string;
  readonly spoolId: string;
  /** Do the rows say of all uploads in its spool, of those that come in several requests, that they are there? */
  readonly tellsUploads: boolean;
}

/** A spool folder that some replica has or had. */
export interface KnownSpool {
  readonly spoolId: string;
  /** Of the replica that was seen last with it. */
  readonly address: string;
  readonly lastSeenAt: Date;
  /** Was that so lately that it lives? */
  readonly lives: boolean;
}

/** Who is asked for what lies in a spool. */
export type SpoolHolder = Pick<KnownSpool, 'address' | 'lives'>;

/** A replica says three times in it that it lives. */
const LIVES_MS = 15_000;

/**
 * Says that a replica lives; tells whether nobody knew of it, or nobody any more. Then it has told nothing: rows of uploads are
 * removed where nobody is known with their spool.
 */
export async function saveReplica(sql: Sql, replica: Replica): Promise<boolean> {
  const { replicaId, version, address, spoolId, tellsUploads } = replica;
  const [row] = await sql.query<{ started_at: number; last_seen_at: number }>(
    `INSERT INTO ingester.replicas (replica_id, version, address, spool_id, tells_uploads, started_at, last_seen_at)
    VALUES ($1, $2, $3, $4, 0, ingester.now_ms(), ingester.now_ms())
    ON CONFLICT (replica_id) DO UPDATE SET last_seen_at = excluded.last_seen_at,
      address = excluded.address, spool_id = excluded.spool_id, tells_uploads = $5
    RETURNING started_at, last_seen_at`,
    [replicaId, version, address, spoolId, Number(tellsUploads)],
  );
  return row?.started_at === row?.last_seen_at;
}

/** Was a replica seen lately at an address? */
export async function livesAt(sql: Sql, address: string): Promise<boolean> {
  const rows = await sql.query(
    'SELECT replica_id FROM ingester.replicas WHERE address = $1 AND last_seen_at > ingester.now_ms() - $2::bigint LIMIT 1',
    [address, LIVES_MS],
  );
  return rows.length > 0;
}

/** Do all replicas with other spools tell which uploads are there? Of each spool those count that were seen last with it. */
export async function allTellUploads(sql: Sql, spoolId: string): Promise<boolean> {
  const rows = await sql.query<{ replica_id: string }>(
    `SELECT replica_id FROM ingester.replicas WHERE spool_id <> $1 AND tells_uploads = 0 AND last_seen_at > (
      SELECT max(others.last_seen_at) - $2::bigint FROM ingester.replicas AS others WHERE others.spool_id = replicas.spool_id
    ) LIMIT 1`,
    [spoolId, LIVES_MS],
  );
  return rows.length === 0;
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
    rows.map(({ spool_id: spoolId, address, last_seen_at: at, now }) => {
      return [spoolId, { spoolId, address, lastSeenAt: new Date(at), lives: at > now - LIVES_MS }];
    }),
  );
  const living = rows.filter(({ last_seen_at: at, now }) => at > now - withinMs).length;
  return { spools: [...spools.values()], living };
}

/** Who has a spool, and was seen last; undefined where nobody is known with it. */
export async function findHolder(sql: Sql, spoolId: string): Promise<SpoolHolder | undefined> {
  const [row] = await sql.query<{ address: string; unseen_ms: number }>(
    `SELECT address, ingester.now_ms() - last_seen_at AS unseen_ms FROM ingester.replicas
    WHERE spool_id = $1 ORDER BY last_seen_at DESC LIMIT 1`,
    [spoolId],
  );
  return row && { address: row.address, lives: row.unseen_ms < LIVES_MS };
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
