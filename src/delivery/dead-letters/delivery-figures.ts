import type { Sql } from '../../database/sql.js';
import { findAbsentSpools } from '../ledger/absent-spools.js';

/** What the database knows of all tasks, for those who watch. */
export interface DeliveryFigures {
  /** Tasks that wait or are being worked on. */
  readonly queueDepth: number;
  /** Of these, deliveries whose file lies in a spool that no living replica has. */
  readonly withoutSpool: number;
  readonly dead: readonly { readonly reason: string | null; readonly count: number }[];
  /** Milliseconds since 1970. */
  readonly oldestDeadAt: number | null;
}

interface DeadRow {
  readonly reason: string | null;
  readonly count: number;
  readonly oldest: number;
}

/** Three statements, each over an index of its own. */
export async function readFigures(sql: Sql): Promise<DeliveryFigures> {
  const [open] = await sql.query<{ count: number }>(
    `SELECT count(*) AS count FROM ingester.tasks WHERE state IN ('waiting', 'running')`,
  );
  const dead = await sql.query<DeadRow>(
    `SELECT reason, count(*) AS count, min(dead_at) AS oldest FROM ingester.tasks WHERE state = 'dead' GROUP BY reason`,
  );
  const absent = await findAbsentSpools(sql);
  return {
    queueDepth: open?.count ?? 0,
    withoutSpool: absent.reduce((sum, { files }) => sum + files, 0),
    dead,
    oldestDeadAt: dead.length > 0 ? Math.min(...dead.map(({ oldest }) => oldest)) : null,
  };
}
