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
  /** What it says of itself: JSON. */
  readonly state: string;
}

/** A replica that was seen, and what it said of itself then. */
export interface SeenReplica {
  readonly replicaId: string;
  readonly version: string;
  readonly address: string;
  readonly spoolId: string;
  readonly startedAt: Date;
  readonly lastSeenAt: Date;
  /** Since when it was seen, at the time of the reading. */
  readonly unseenMs: number;
  /** null where that was long ago. */
  readonly state: string | null;
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

interface ReplicaRow {
  readonly replica_id: string;
  readonly version: string;
  readonly address: string;
  readonly spool_id: string;
  readonly started_at: number;
  readonly last_seen_at: number;
  readonly unseen_ms: number;
  readonly state: string | null;
}

/** A replica says three times in it that it lives. */
export const LIVES_MS = 15_000;

/** What one said of itself that was not seen for so long is not read any more: there may be many of them. */
const TOLD_MS = 600_000;

/**
 * Says that a replica lives; tells whether nobody knew of it, or nobody any more. Then it has told nothing: rows of uploads are
 * removed where nobody is known with their spool.
 */
export async function saveReplica(sql: Sql, replica: Replica): Promise<boolean> {
  const { replicaId, version, address, spoolId, tellsUploads, state } = replica;
  const [row] = await sql.query<{ started_at: number; last_seen_at: number }>(
    `INSERT INTO ingester.replicas (replica_id, version, address, spool_id, tells_uploads, started_at, last_seen_at, state)
    VALUES ($1, $2, $3, $4, 0, ingester.now_ms(), ingester.now_ms(), $6)
    ON CONFLICT (replica_id) DO UPDATE SET last_seen_at = excluded.last_seen_at,
      address = excluded.address, spool_id = excluded.spool_id, tells_uploads = $5, state = excluded.state
    RETURNING started_at, last_seen_at`,
    [replicaId, version, address, spoolId, Number(tellsUploads), state],
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

/** All replicas that are known, those that were seen last at the end. */
export async function findReplicas(sql: Sql): Promise<readonly SeenReplica[]> {
  const rows = await sql.query<ReplicaRow>(
    `SELECT replica_id, version, address, spool_id, started_at, last_seen_at, ingester.now_ms() - last_seen_at AS unseen_ms,
      CASE WHEN last_seen_at > ingester.now_ms() - $1::bigint THEN state END AS state
    FROM ingester.replicas ORDER BY last_seen_at`,
    [TOLD_MS],
  );
  return rows.map((row) => ({
    replicaId: row.replica_id,
    version: row.version,
    address: row.address,
    spoolId: row.spool_id,
    startedAt: new Date(row.started_at),
    lastSeenAt: new Date(row.last_seen_at),
    unseenMs: row.unseen_ms,
    state: row.state,
  }));
}

/** All spools, each with who had it last. */
export function spoolsOf(replicas: readonly SeenReplica[]): readonly KnownSpool[] {
  const spools = new Map(
    replicas.map(({ spoolId, address, lastSeenAt, unseenMs }) => {
      return [spoolId, { spoolId, address, lastSeenAt, lives: unseenMs < LIVES_MS }];
    }),
  );
  return [...spools.values()];
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

/** Forgets replicas that were not seen for `ageMs`, but for the last one with each spool in which something waits. */
export async function removeReplicas(sql: Sql, ageMs: number): Promise<void> {
  await sql.query(
    `DELETE FROM ingester.replicas WHERE last_seen_at < ingester.now_ms() - $1::bigint AND (
      last_seen_at < (SELECT max(last_seen_at) FROM ingester.replicas AS others WHERE others.spool_id = replicas.spool_id)
      OR NOT EXISTS (
        SELECT 1 FROM ingester.uploads WHERE uploads.spool_id = replicas.spool_id AND spool_file IS NOT NULL
      )
    )`,
    [ageMs],
  );
}
