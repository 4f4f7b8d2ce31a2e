import { rowsOf } from '../../database/rows.js';
import type { Sql } from '../../database/sql.js';
import { saveProgress } from './upload-rows.js';
import type { TaskRow } from './task-rows.js';

export interface Claim {
  readonly lane: string;
  /** The spool that holds the files of its tasks; empty where they need none. */
  readonly spoolId: string;
  readonly limit: number;
  readonly leaseMs: number;
  readonly holder: string;
}

/** A task that was claimed just now. */
export interface ClaimedRow extends TaskRow {
  /** The time of the database at the claim. */
  readonly now: number;
}

/** What a holder is told whenever he writes. */
export interface Held {
  /** Set when the owner wants the upload no more. */
  readonly cancel_requested_at: number | null;
}

/** A task that this process works on. */
export interface HeldTaskKey {
  readonly taskId: string;
  readonly holder: string;
}

export interface HeldRow extends Held {
  readonly task_id: string;
}

/** What the holder of a task may do holds only as long as it is his. Values are those of a row of `VALUES`. */
export const IS_HELD = `state = 'running' AND task_id = column1 AND lease_owner = column2`;

/**
 * Begins a statement that changes several tasks: `held` are those of `values` that are their holders', locked in one
 * order, so that two who write to the same ones never wait for each other. `columns` are further ones of `values`.
 */
export function withHeld(values: string, columns = ''): string {
  return `WITH held AS (
      SELECT task_id AS held_id${columns} FROM ingester.tasks, (VALUES ${values}) AS given
      WHERE ${IS_HELD} ORDER BY task_id FOR UPDATE OF tasks
    )`;
}

/**
 * Makes up to `limit` tasks of a lane `holder`'s, the oldest first: those that are due, or whose holder is gone.
 */
export function claimTasks(
  sql: Sql,
  { lane, spoolId, limit, leaseMs, holder }: Claim,
): Promise<ClaimedRow[]> {
  return sql.query<ClaimedRow>(
    `WITH due AS (
      SELECT task_id FROM ingester.tasks
      WHERE lane = $1 AND spool_id = $5 AND state IN ('waiting', 'running') AND due_at <= ingester.now_ms()
      ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    UPDATE ingester.tasks SET state = 'running', lease_owner = $3, due_at = ingester.now_ms() + $4::bigint,
      updated_at = ingester.now_ms(), phase = 'queued'
    WHERE task_id IN (SELECT task_id FROM due) RETURNING *, ingester.now_ms() AS now`,
    [lane, limit, holder, leaseMs, spoolId],
  );
}

/** A task that is kept, and how many bytes its target has taken. */
export interface Beat extends HeldTaskKey {
  readonly uploadId: string;
  /** Undefined where that has not changed. */
  readonly bytes: number | undefined;
}

/** Keeps tasks for `leaseMs` from now on, and says how far they are. Gives those that are still their holders'. */
export async function extendLeases(sql: Sql, beats: readonly Beat[], leaseMs: number): Promise<HeldRow[]> {
  const { text, values } = rowsOf(
    ['uuid', 'uuid'],
    beats.map(({ taskId, holder }) => [taskId, holder]),
    2,
  );
  const held = await sql.query<HeldRow>(
    `${withHeld(text)}
    UPDATE ingester.tasks SET due_at = ingester.now_ms() + $1::bigint, updated_at = ingester.now_ms()
    FROM held WHERE task_id = held_id RETURNING task_id, cancel_requested_at`,
    [leaseMs, ...values],
  );
  const ids = new Set(held.map(({ task_id: id }) => id));
  const moved = beats.flatMap(({ taskId, uploadId, bytes }) =>
    ids.has(taskId) && bytes !== undefined ? [{ uploadId, bytes }] : [],
  );
  await saveProgress(sql, moved);
  return held;
}
