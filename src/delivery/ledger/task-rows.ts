import { listOf, rowsOf } from '../../database/rows.js';
import type { Sql } from '../../database/sql.js';

export type TaskState = 'waiting' | 'running' | 'done' | 'dead' | 'cancelled' | 'dropped';

/** What a task is at; `sending`: its file, which may be where it goes from then on. */
export type TaskPhase = 'queued' | 'sending' | 'ended';

/** Times are milliseconds since 1970, by the clock of the database. */
export interface TaskRow {
  readonly task_id: string;
  readonly upload_id: string;
  readonly kind: string;
  readonly lane: string;
  /** Only who has this spool may claim it; empty where it needs no file. */
  readonly spool_id: string;
  readonly state: TaskState;
  readonly phase: TaskPhase;
  /** When it may be claimed: a waiting one when it is due, a running one when the lease of its holder is over. */
  readonly due_at: number;
  /** New with every claim, so that it fences. */
  readonly lease_owner: string | null;
  readonly attempts: number;
  readonly target: string | null;
  /** How far its upload to a target is, for the next attempt there: `target` and `state` of its driver, as JSON. */
  readonly checkpoint: string | null;
  readonly reason: string | null;
  /** Since when its file may be somewhere. */
  readonly doubt_since: number | null;
  readonly cancel_requested_at: number | null;
  /** When it was made, or taken up again as a new one. */
  readonly waiting_since: number;
  readonly deadline: number;
  readonly dead_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
}

export interface NewTask {
  readonly taskId: string;
  readonly uploadId: string;
  readonly kind: string;
  readonly lane: string;
  /** The spool that holds the file which it needs; empty where it needs none. */
  readonly spoolId: string;
  /** May the file be somewhere already? */
  readonly inDoubt: boolean;
  /** Time from now on after which it is too old to be tried again. */
  readonly maxAgeMs: number;
}

/** Due at once; of a kind that an upload has a task of already, there is no second one. */
export async function insertTasks(sql: Sql, tasks: readonly NewTask[]): Promise<void> {
  if (tasks.length === 0) return;
  const { text, values } = rowsOf(
    ['uuid', 'uuid', 'text', 'text', 'text', 'int', 'bigint'],
    tasks.map(({ taskId, uploadId, kind, lane, spoolId, inDoubt, maxAgeMs }) => [
      taskId,
      uploadId,
      kind,
      lane,
      spoolId,
      inDoubt ? 1 : 0,
      maxAgeMs,
    ]),
  );
  const now = 'ingester.now_ms()';
  await sql.query(
    `INSERT INTO ingester.tasks (task_id, upload_id, kind, lane, spool_id, state, phase, doubt_since, deadline,
      due_at, waiting_since, created_at, updated_at)
    SELECT column1, column2, column3, column4, column5, 'waiting', 'queued', CASE WHEN column6 = 1 THEN ${now} END,
      ${now} + column7, ${now}, ${now}, ${now}, ${now}
    FROM (VALUES ${text}) AS new WHERE true ON CONFLICT (upload_id, kind) DO NOTHING`,
    values,
  );
}

/** What makes a task as on its first day, but for when it is due, too old, and in doubt. Who works on it loses it. */
export const AS_ON_ITS_FIRST_DAY = `state = 'waiting', phase = 'queued', lease_owner = NULL, attempts = 0, reason = NULL,
      dead_at = NULL, waiting_since = ingester.now_ms(), updated_at = ingester.now_ms()`;

/** Makes the tasks of a kind as on their first day, whatever became of them; who works on one loses it. */
export async function reopenTasks(
  sql: Sql,
  uploadIds: readonly string[],
  kind: string,
  maxAgeMs: number,
): Promise<void> {
  const now = 'ingester.now_ms()';
  await sql.query(
    `UPDATE ingester.tasks SET ${AS_ON_ITS_FIRST_DAY}, due_at = ${now}, doubt_since = ${now},
      deadline = ${now} + $2::bigint
    WHERE kind = $1 AND upload_id IN (${listOf(uploadIds.length, 3)})`,
    [kind, maxAgeMs, ...uploadIds],
  );
}

/** The task of an upload; `lock` keeps it from changing until the transaction ends. */
export async function findTaskOf(
  sql: Sql,
  uploadId: string,
  kind: string,
  lock = false,
): Promise<TaskRow | undefined> {
  const [row] = await sql.query<TaskRow>(
    `SELECT * FROM ingester.tasks WHERE upload_id = $1 AND kind = $2${lock ? ' FOR UPDATE' : ''}`,
    [uploadId, kind],
  );
  return row;
}

/** Is the task still to end, and its owner has said that he wants the file no more? */
export function isCancelling(task: TaskRow | undefined): boolean {
  const isOpen = task?.state === 'waiting' || task?.state === 'running';
  return isOpen && task.cancel_requested_at !== null;
}
