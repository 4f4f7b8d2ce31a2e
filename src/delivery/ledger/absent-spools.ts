import type { Sql } from '../../database/sql.js';

/** A spool that no living replica has, although files in it wait for their delivery. */
export interface AbsentSpool {
  readonly spoolId: string;
  readonly files: number;
  /** When a replica was last seen with it; null where that was long ago. */
  readonly lastSeenAt: Date | null;
}

/** A replica that was not seen for so long is not there: it says every five seconds that it lives. */
const AWAY_MS = 15_000;

export async function findAbsentSpools(sql: Sql): Promise<AbsentSpool[]> {
  const rows = await sql.query<{ spool_id: string; files: number; last_seen_at: number | null }>(
    `SELECT t.spool_id, count(*) AS files, seen.last_seen_at FROM ingester.tasks t
    LEFT JOIN (
      SELECT spool_id, max(last_seen_at) AS last_seen_at FROM ingester.replicas GROUP BY spool_id
    ) AS seen ON seen.spool_id = t.spool_id
    WHERE t.state IN ('waiting', 'running') AND t.spool_id <> ''
      AND coalesce(seen.last_seen_at, 0) < ingester.now_ms() - $1::bigint
    GROUP BY t.spool_id, seen.last_seen_at ORDER BY t.spool_id`,
    [AWAY_MS],
  );
  return rows.map(({ spool_id: spoolId, files, last_seen_at: at }) => {
    return { spoolId, files, lastSeenAt: at === null ? null : new Date(at) };
  });
}

/** As people are told of it. */
export function sentenceOf({ spoolId, files, lastSeenAt }: AbsentSpool): string {
  const seen = lastSeenAt ? `last seen ${lastSeenAt.toISOString()}` : 'not seen for a long time';
  return `${files} ${files === 1 ? 'file waits' : 'files wait'} for spool ${spoolId}, ${seen}`;
}
