import type { Sql } from '../database/sql.js';

/** What the database knows of all tasks, for those who watch. */
export interface DeliveryFigures {
  /** Tasks that wait or are being worked on. */
  readonly queueDepth: number;
  readonly dead: readonly { readonly reason: string | null; readonly count: number }[];
  readonly oldestDeadAt: Date | null;
}

interface FigureRow {
  readonly dead: boolean;
  readonly reason: string | null;
  readonly count: number;
  readonly oldest: Date | null;
}

export async function readFigures(sql: Sql): Promise<DeliveryFigures> {
  const rows = await sql.query<FigureRow>(
    `SELECT state = 'dead' AS dead, CASE WHEN state = 'dead' THEN reason END AS reason,
      count(*) AS count, min(dead_at) AS oldest
    FROM ingester.tasks WHERE state IN ('waiting', 'running', 'dead') GROUP BY 1, 2`,
  );
  const dead = rows.filter((row) => row.dead);
  const diedAtMs = dead.map(({ oldest }) => oldest?.getTime() ?? Infinity);
  return {
    queueDepth: rows.find((row) => !row.dead)?.count ?? 0,
    dead,
    oldestDeadAt: dead.length > 0 ? new Date(Math.min(...diedAtMs)) : null,
  };
}
