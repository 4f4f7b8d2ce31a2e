import { rowsOf } from '../../database/rows.js';
import type { Sql } from '../../database/sql.js';
import { type HeldRow, type HeldTaskKey, IS_HELD } from './task-claims.js';
import type { TaskState } from './task-rows.js';

/** What becomes of a task when its holder lets go of it. */
export interface TaskRelease extends HeldTaskKey {
  readonly state: Exclude<TaskState, 'running'>;
  readonly attempts: number;
  /** Where the work was done; null leaves what was written there last. */
  readonly target: string | null;
  readonly reason: string | null;
  /** Time from now on until it is due. */
  readonly delayMs: number;
  /** May the file be somewhere although nobody said so? */
  readonly inDoubt: boolean;
}

/** Holds the rows of tasks until the transaction ends. One that is not its holder's any more is absent. */
export async function lockHeld(
  sql: Sql,
  tasks: readonly HeldTaskKey[],
): Promise<ReadonlyMap<string, HeldRow>> {
  const { text, values } = rowsOf(
    ['uuid', 'uuid'],
    tasks.map(({ taskId, holder }) => [taskId, holder]),
  );
  // In one order, so that two who lock several never wait for each other.
  const rows = await sql.query<HeldRow>(
    `SELECT task_id, cancel_requested_at FROM ingester.tasks
    WHERE state = 'running' AND (task_id, lease_owner) IN (VALUES ${text}) ORDER BY task_id FOR UPDATE`,
    values,
  );
  return new Map(rows.map((row) => [row.task_id, row]));
}

/** Lets go of tasks that are held. */
export async function releaseTasks(sql: Sql, releases: readonly TaskRelease[]): Promise<void> {
  if (releases.length === 0) return;
  const { text, values } = rowsOf(
    ['uuid', 'uuid', 'text', 'int', 'text', 'text', 'bigint', 'int'],
    releases.map(({ taskId, holder, state, attempts, target, reason, delayMs, inDoubt }) => [
      taskId,
      holder,
      state,
      attempts,
      target,
      reason,
      Math.ceil(delayMs),
      inDoubt ? 1 : 0,
    ]),
  );
  await sql.query(
    `UPDATE ingester.tasks SET state = column3, phase = CASE WHEN column3 = 'waiting' THEN 'queued' ELSE 'ended' END,
      attempts = column4, target = coalesce(column5, target), reason = column6, due_at = ingester.now_ms() + column7,
      doubt_since = CASE WHEN column8 = 1 THEN coalesce(doubt_since, ingester.now_ms()) END,
      dead_at = CASE WHEN column3 = 'dead' THEN ingester.now_ms() END,
      lease_owner = NULL, updated_at = ingester.now_ms()
    FROM (VALUES ${text}) AS released WHERE ${IS_HELD}`,
    values,
  );
}

/** Ends a task that nobody holds: it waits, or is dead. */
export async function endTask(
  sql: Sql,
  taskId: string,
  state: Extract<TaskState, 'cancelled' | 'dropped'>,
): Promise<void> {
  await sql.query(
    `UPDATE ingester.tasks SET state = $2, phase = 'ended', updated_at = ingester.now_ms() WHERE task_id = $1`,
    [taskId, state],
  );
}

/**
 * Has whoever works on the task, or does so next, give it up; a dead one is taken up again for that, for `maxAgeMs`, and
 * has as much time anew to ask for what may be stored.
 */
export async function requestCancel(sql: Sql, taskId: string, maxAgeMs: number): Promise<void> {
  await sql.query(
    `UPDATE ingester.tasks SET cancel_requested_at = coalesce(cancel_requested_at, ingester.now_ms()),
      updated_at = ingester.now_ms(),
      due_at = CASE WHEN state = 'running' THEN due_at ELSE ingester.now_ms() END,
      waiting_since = CASE WHEN state = 'dead' THEN ingester.now_ms() ELSE waiting_since END,
      doubt_since = CASE WHEN state = 'dead' AND doubt_since IS NOT NULL THEN ingester.now_ms() ELSE doubt_since END,
      deadline = CASE WHEN state = 'dead' THEN ingester.now_ms() + $2::bigint ELSE deadline END,
      state = CASE WHEN state = 'dead' THEN 'waiting' ELSE state END, dead_at = NULL
    WHERE task_id = $1`,
    [taskId, maxAgeMs],
  );
}
