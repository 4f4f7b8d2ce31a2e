import type { Sql } from '../database/sql.js';
import type { Held } from './task-checkpoints.js';
import type { TaskState } from './task-rows.js';

/** What becomes of a task when its holder lets go of it. */
export interface TaskRelease {
  readonly state: Exclude<TaskState, 'running'>;
  readonly attempts: number;
  /** Where the file may be, although no answer said so. */
  readonly doubtfulTargets: readonly string[];
  /** When one of these had the last byte, at the latest; null where that is not known. */
  readonly handedOverAt: Date | null;
  /** Where a file of its id may have been before. */
  readonly unaskedTargets: readonly string[];
  /** Where the work was done; null leaves what was written there last. */
  readonly target: string | null;
  readonly reason: string | null;
  readonly dueAt: Date;
  readonly at: Date;
}

/** Lets go of a task. False, and nothing is changed, where it is not the holder's any more. */
export async function releaseTask(
  sql: Sql,
  taskId: string,
  holder: string,
  release: TaskRelease,
): Promise<boolean> {
  const { state, attempts, doubtfulTargets, unaskedTargets, handedOverAt, target, reason, dueAt, at } =
    release;
  const released = await sql.query(
    `UPDATE ingester.tasks SET state = $3::text, phase = CASE WHEN $3::text = 'waiting' THEN 'queued' ELSE 'ended' END,
      attempts = $4, doubtful_targets = $5, target = coalesce($6::text, target), reason = $7, due_at = $8,
      unasked_targets = $11,
      doubt_since = CASE WHEN cardinality($5::text[]) + cardinality($11::text[]) = 0 THEN NULL ELSE coalesce(doubt_since, $9) END,
      handed_over_at = CASE WHEN cardinality($5::text[]) = 0 THEN NULL ELSE $10::timestamptz END,
      dead_at = CASE WHEN $3::text = 'dead' THEN $9::timestamptz END,
      lease_owner = NULL, lease_until = NULL, updated_at = $9
    WHERE task_id = $1 AND lease_owner = $2 AND state = 'running' RETURNING task_id`,
    [
      taskId,
      holder,
      state,
      attempts,
      doubtfulTargets,
      target,
      reason,
      dueAt,
      at,
      handedOverAt,
      unaskedTargets,
    ],
  );
  return released.length > 0;
}

/** Holds the row of a task until the transaction ends. Undefined where it is not the holder's any more. */
export async function lockHeld(sql: Sql, taskId: string, holder: string): Promise<Held | undefined> {
  const [held] = await sql.query<Held>(
    `SELECT cancel_requested_at FROM ingester.tasks
    WHERE task_id = $1 AND lease_owner = $2 AND state = 'running' FOR UPDATE`,
    [taskId, holder],
  );
  return held;
}

/** Ends a task that nobody holds: it waits, or is dead. */
export async function endTask(
  sql: Sql,
  taskId: string,
  state: Extract<TaskState, 'cancelled' | 'dropped'>,
  at: Date,
): Promise<void> {
  await sql.query(
    `UPDATE ingester.tasks SET state = $2, phase = 'ended', updated_at = $3 WHERE task_id = $1`,
    [taskId, state, at],
  );
}

/**
 * Has whoever works on the task, or does so next, give it up; a dead one is taken up again for that, until `deadline`, and
 * has as much time anew to ask for what may be stored.
 */
export async function requestCancel(sql: Sql, taskId: string, at: Date, deadline: Date): Promise<void> {
  await sql.query(
    `UPDATE ingester.tasks SET cancel_requested_at = coalesce(cancel_requested_at, $2), updated_at = $2,
      due_at = CASE WHEN state = 'running' THEN due_at ELSE $2 END,
      revived_at = CASE WHEN state = 'dead' THEN $2 ELSE revived_at END,
      doubt_since = CASE WHEN state = 'dead' AND doubt_since IS NOT NULL THEN $2 ELSE doubt_since END,
      deadline = CASE WHEN state = 'dead' THEN $3 ELSE deadline END,
      state = CASE WHEN state = 'dead' THEN 'waiting' ELSE state END, dead_at = NULL
    WHERE task_id = $1`,
    [taskId, at, deadline],
  );
}
