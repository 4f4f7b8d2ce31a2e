import type { Sql } from '../database/sql.js';
import type { TaskKind } from '../task-kind.js';

export type TaskState = 'waiting' | 'running' | 'done' | 'dead' | 'cancelled' | 'dropped';

/** What a task is at. `asking`: whether a file is where it may be; `sending`: the file, or its registration. */
export type TaskPhase = 'queued' | 'asking' | 'sending' | 'ended';

export interface TaskRow {
  readonly task_id: string;
  readonly upload_id: string;
  readonly kind: TaskKind;
  readonly state: TaskState;
  readonly phase: TaskPhase;
  readonly target: string | null;
  /** Where the file may be, although no answer said so. */
  readonly doubtful_targets: readonly string[];
  /** Which may have had a file of this id before, and could not be asked for it. */
  readonly unasked_targets: readonly string[];
  /** Since when some of either have not been asked. */
  readonly doubt_since: Date | null;
  /** When one of these had the last byte, at the latest. */
  readonly handed_over_at: Date | null;
  readonly cancel_requested_at: Date | null;
  readonly bytes_confirmed: number;
  readonly attempts: number;
  readonly size: number;
  readonly due_at: Date;
  readonly deadline: Date;
  readonly lease_owner: string | null;
  readonly lease_until: Date | null;
  readonly reason: string | null;
  readonly dead_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export interface NewTask {
  readonly taskId: string;
  readonly uploadId: string;
  readonly kind: TaskKind;
  readonly doubtfulTargets: readonly string[];
  readonly unaskedTargets: readonly string[];
  readonly size: number;
  readonly at: Date;
  readonly deadline: Date;
}

/**
 * Who works on a task, and for how long from now on nobody else does, by the clock of the database: those of replicas
 * may differ. `holder` is new with every claim, so that it fences.
 */
export interface LeaseTerms {
  readonly holder: string;
  readonly leaseMs: number;
  readonly at: Date;
}

/** The end of a lease whose length in milliseconds is the third value of a statement. */
export const LEASE_END = `now() + $3::int * interval '1 millisecond'`;

export async function insertTask(sql: Sql, task: NewTask): Promise<void> {
  const { taskId, uploadId, kind, doubtfulTargets, unaskedTargets, size, at, deadline } = task;
  const doubtSince = doubtfulTargets.length + unaskedTargets.length > 0 ? at : null;
  await sql.query(
    `INSERT INTO ingester.tasks (task_id, upload_id, kind, state, phase, doubtful_targets, unasked_targets,
      doubt_since, handed_over_at, size, due_at, deadline, created_at, updated_at)
    VALUES ($1, $2, $3, 'waiting', 'queued', $4, $5, $6, $7, $8, $9, $10, $9, $9)`,
    [
      taskId,
      uploadId,
      kind,
      doubtfulTargets,
      unaskedTargets,
      doubtSince,
      doubtfulTargets.length > 0 ? at : null,
      size,
      at,
      deadline,
    ],
  );
}

/**
 * The task, where it waits and is due or its holder is gone, and is now `holder`'s; else undefined. One who is gone may
 * have handed the file over at the end of his lease, and surely has by `at`, which is of the clock that asks later.
 */
export async function claimTask(sql: Sql, taskId: string, terms: LeaseTerms): Promise<TaskRow | undefined> {
  const [row] = await sql.query<TaskRow>(
    `UPDATE ingester.tasks SET state = 'running', lease_owner = $2, lease_until = ${LEASE_END}, updated_at = $4,
      handed_over_at = CASE WHEN state = 'running' AND phase = 'sending' THEN $4 ELSE handed_over_at END
    WHERE task_id = $1 AND (state = 'waiting' AND due_at <= $4 OR state = 'running' AND lease_until <= now())
    RETURNING *`,
    [taskId, terms.holder, terms.leaseMs, terms.at],
  );
  return row;
}

/** The task, with the milliseconds that are left of its lease. */
export async function findTask(
  sql: Sql,
  taskId: string,
): Promise<(TaskRow & { readonly lease_left_ms: number | null }) | undefined> {
  const [row] = await sql.query<TaskRow & { lease_left_ms: number | null }>(
    `SELECT *, (extract(epoch FROM lease_until - now()) * 1000)::float8 AS lease_left_ms
    FROM ingester.tasks WHERE task_id = $1`,
    [taskId],
  );
  return row;
}

/** The task of an upload. */
export async function findTaskOf(sql: Sql, uploadId: string, kind: TaskKind): Promise<TaskRow | undefined> {
  const [row] = await sql.query<TaskRow>('SELECT * FROM ingester.tasks WHERE upload_id = $1 AND kind = $2', [
    uploadId,
    kind,
  ]);
  return row;
}

/** Is the task still to end, and its owner has said that he wants the file no more? */
export function isCancelling(task: TaskRow | undefined): boolean {
  const isOpen = task?.state === 'waiting' || task?.state === 'running';
  return isOpen && task.cancel_requested_at !== null;
}

/** The task of an upload, kept from changing until the transaction ends. */
export async function lockTaskOf(sql: Sql, uploadId: string, kind: TaskKind): Promise<TaskRow | undefined> {
  const [row] = await sql.query<TaskRow>(
    'SELECT * FROM ingester.tasks WHERE upload_id = $1 AND kind = $2 FOR UPDATE',
    [uploadId, kind],
  );
  return row;
}
