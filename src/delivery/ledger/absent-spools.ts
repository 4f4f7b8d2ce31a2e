import type { Sql } from '../../database/sql.js';
import { LIVES_MS } from '../../replicas/replica-rows.js';

/** A spool that no living replica has, although files in it wait for their delivery. */
export interface AbsentSpool {
  readonly spoolId: string;
  readonly files: number;
  /** When a replica was last seen with it; null where that was long ago. */
  readonly lastSeenAt: Date | null;
}

export async function findAbsentSpools(sql: Sql): Promise<AbsentSpool[]> {
  const rows = await sql.query<{ spool_id: string; files: number; last_seen_at: number | null }>(
    `SELECT spool_id, count(*) AS files, (
      SELECT max(last_seen_at) FROM ingester.replicas WHERE replicas.spool_id = tasks.spool_id
    ) AS last_seen_at FROM ingester.tasks
    WHERE state IN ('waiting', 'running') AND spool_id <> '' AND spool_id NOT IN (
      SELECT spool_id FROM ingester.replicas WHERE last_seen_at >= ingester.now_ms() - $1::bigint
    )
    GROUP BY spool_id ORDER BY spool_id`,
    [LIVES_MS],
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
