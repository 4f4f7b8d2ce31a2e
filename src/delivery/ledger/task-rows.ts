import { rowsOf } from '../../database/rows.js';
import type { Sql } from '../../database/sql.js';
import type { Lane } from '../lanes.js';
import type { TaskKind } from '../task-kind.js';

export type TaskState = 'waiting' | 'running' | 'done' | 'dead' | 'cancelled' | 'dropped';

/** What a task is at. `asking`: whether a file is where it may be; `sending`: the file, or its registration. */
export type TaskPhase = 'queued' | 'asking' | 'sending' | 'ended';

/** Times are milliseconds since 1970, by the clock of the database. */
export interface TaskRow {
  readonly task_id: string;
  readonly upload_id: string;
  readonly kind: TaskKind;
  readonly lane: Lane;
  readonly state: TaskState;
  readonly phase: TaskPhase;
  /** When it may be claimed: a waiting one when it is due, a running one when the lease of its holder is over. */
  readonly due_at: number;
  /** New with every claim, so that it fences. */
  readonly lease_owner: string | null;
  readonly attempts: number;
  readonly target: string | null;
  readonly reason: string | null;
  /** Since when some of its placements have not been asked. */
  readonly doubt_since: number | null;
  /** When one of those that it was sent to had the last byte, at the latest. */
  readonly handed_over_at: number | null;
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
  readonly kind: TaskKind;
  readonly lane: Lane;
  /** May the file be somewhere already, and was it sent there? */
  readonly placed: 'nowhere' | 'unverified' | 'sent';
  /** Time from now on after which it is too old to be tried again. */
  readonly maxAgeMs: number;
}

/** Due at once. */
export async function insertTasks(sql: Sql, tasks: readonly NewTask[]): Promise<void> {
  if (tasks.length === 0) return;
  const { text, values } = rowsOf(
    ['uuid', 'uuid', 'text', 'text', 'text', 'bigint'],
    tasks.map(({ taskId, uploadId, kind, lane, placed, maxAgeMs }) => [
      taskId,
      uploadId,
      kind,
      lane,
      placed,
      maxAgeMs,
    ]),
  );
  const now = 'ingester.now_ms()';
  await sql.query(
    `INSERT INTO ingester.tasks (task_id, upload_id, kind, lane, state, phase, doubt_since, handed_over_at, deadline,
      due_at, waiting_since, created_at, updated_at)
    SELECT column1, column2, column3, column4, 'waiting', 'queued', CASE WHEN column5 <> 'nowhere' THEN ${now} END,
      CASE WHEN column5 = 'sent' THEN ${now} END, ${now} + column6, ${now}, ${now}, ${now}, ${now}
    FROM (VALUES ${text}) AS new`,
    values,
  );
}

/** The task of an upload; `lock` keeps it from changing until the transaction ends. */
export async function findTaskOf(
  sql: Sql,
  uploadId: string,
  kind: TaskKind,
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
