import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.service.js';
import type { Sql } from '../database/sql.js';
import { LIVES_MS } from '../replicas/replica-rows.js';
import { TaskKinds } from './task-kinds.service.js';

/** Tasks of one kind that wait in one lane, or are worked on. Members are as on the wire. */
interface QueueLane {
  readonly kind: string;
  readonly lane: string;
  readonly waiting: number;
  readonly running: number;
  /** Of those that wait. */
  readonly oldest_waiting_since: string | null;
}

/** A spool, and the tasks that need a file in it. */
interface QueueSpool {
  readonly spool_id: string;
  /** Of the replica that was seen last with it; null where that is forgotten. */
  readonly address: string | null;
  readonly lives: boolean;
  readonly last_seen_at: string | null;
  /** Those that are worked on included. */
  readonly waiting: number;
}

export interface QueueReport {
  readonly lanes: readonly QueueLane[];
  readonly spools: readonly QueueSpool[];
}

interface LaneRow {
  readonly kind: string;
  readonly lane: string;
  readonly waiting: number;
  readonly running: number;
  readonly oldest: number | null;
}

interface SpoolRow {
  readonly spool_id: string;
  readonly address: string | null;
  readonly last_seen_at: number | null;
  readonly now: number;
  readonly waiting: number;
}

/** Shows what waits. */
@Injectable()
export class QueueView {
  constructor(
    private readonly database: Database,
    private readonly kinds: TaskKinds,
  ) {}

  /** All lanes of the kinds that are known here, empty ones too, and what else has tasks. @throws QUEUE_UNAVAILABLE */
  async report(): Promise<QueueReport> {
    if (!this.database.isUsed()) return { lanes: this.lanesWith([]), spools: [] };
    const [lanes, spools] = await Promise.all([findLanes(this.database), findSpools(this.database)]);
    return { lanes: this.lanesWith(lanes), spools };
  }

  private lanesWith(found: readonly QueueLane[]): QueueLane[] {
    const keyOf = ({ kind, lane }: Pick<QueueLane, 'kind' | 'lane'>): string => `${kind} ${lane}`;
    const empty = this.kinds.allLanes.map((lane) =>
      Object.assign(lane, { waiting: 0, running: 0, oldest_waiting_since: null }),
    );
    const lanes = new Map([...empty, ...found].map((lane) => [keyOf(lane), lane]));
    return [...lanes.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }
}

async function findLanes(sql: Sql): Promise<QueueLane[]> {
  const rows = await sql.query<LaneRow>(
    `SELECT kind, lane, count(*) FILTER (WHERE state = 'waiting') AS waiting,
      count(*) FILTER (WHERE state = 'running') AS running,
      min(waiting_since) FILTER (WHERE state = 'waiting') AS oldest
    FROM ingester.tasks WHERE state IN ('waiting', 'running') GROUP BY kind, lane`,
  );
  return rows.map(({ oldest, ...lane }) => {
    return Object.assign(lane, { oldest_waiting_since: timeOf(oldest) });
  });
}

/** Of each spool, who was seen last with it. */
async function findSpools(sql: Sql): Promise<QueueSpool[]> {
  const rows = await sql.query<SpoolRow>(
    `WITH needed AS (
      SELECT spool_id, count(*) AS waiting FROM ingester.tasks
      WHERE state IN ('waiting', 'running') AND spool_id <> '' GROUP BY spool_id
    )
    SELECT s.spool_id, r.address, r.last_seen_at, ingester.now_ms() AS now, coalesce(n.waiting, 0) AS waiting
    FROM (SELECT spool_id FROM ingester.replicas UNION SELECT spool_id FROM needed) AS s
    LEFT JOIN needed n ON n.spool_id = s.spool_id LEFT JOIN ingester.replicas r ON r.spool_id = s.spool_id
    ORDER BY s.spool_id, r.last_seen_at`,
  );
  // The last of each is the one that counts.
  const spools = new Map(rows.map((row) => [row.spool_id, spoolOf(row)]));
  return [...spools.values()];
}

function spoolOf({ spool_id, address, last_seen_at: at, now, waiting }: SpoolRow): QueueSpool {
  return { spool_id, address, lives: at !== null && at > now - LIVES_MS, last_seen_at: timeOf(at), waiting };
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
