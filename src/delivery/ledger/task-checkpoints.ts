import { rowsOf } from '../../database/rows.js';
import type { Sql, TransactionSql } from '../../database/sql.js';
import { type AttemptEnd, endAttempts, insertAttempts } from './attempt-rows.js';
import { savePlacements } from './placement-rows.js';
import { type Held, type HeldRow, type HeldTaskKey, withHeld } from './task-claims.js';
import { changeUploads } from './upload-rows.js';

/*
 * What the holder of a task writes down while it works. Every statement holds only as long as the task is his: a
 * replica that was away for longer than its lease changes nothing any more.
 */

/** An attempt that is about to begin. */
export interface AttemptBegin extends HeldTaskKey {
  readonly uploadId: string;
  readonly target: string;
  readonly number: number;
  /** Is it the first one that those who watch the upload hear of? */
  readonly isFirst: boolean;
  /** Is it the file that is sent, so that it may be there from now on? */
  readonly sends: boolean;
  /** Attempts that have ended and are not written down yet. */
  readonly ends: readonly AttemptEnd[];
}

export interface BegunAttempt extends Held {
  readonly attemptId: number;
}

/**
 * Writes down, before the first byte goes to a target, that the file may be there from now on. Gives what was begun by the
 * id of its task; what is not its holder's any more is absent.
 */
export async function beginAttempts(
  tx: TransactionSql,
  attempts: readonly AttemptBegin[],
  leaseMs: number,
): Promise<ReadonlyMap<string, BegunAttempt>> {
  const held = await holdForSending(tx, attempts, leaseMs);
  const begun = attempts.filter(({ taskId }) => held.has(taskId));
  const sent = begun.filter(({ sends }) => sends);
  const first = begun.filter(
    ({ taskId, isFirst }) => isFirst && held.get(taskId)?.cancel_requested_at === null,
  );
  const writing = Promise.all([
    insertAttempts(tx, begun),
    endAttempts(
      tx,
      begun.flatMap(({ ends }) => ends),
    ),
    savePlacements(
      tx,
      sent.map(({ uploadId, target }) => {
        return { uploadId, target, unverified: false, lastByteAt: null };
      }),
    ),
    changeUploads(
      tx,
      first.map(({ uploadId }) => ({ uploadId, status: 'delivering' })),
    ),
  ]);
  const [ids] = await tx.last(writing);
  return new Map(
    [...ids].map(([taskId, attemptId]) => {
      return [taskId, { attemptId, cancel_requested_at: held.get(taskId)?.cancel_requested_at ?? null }];
    }),
  );
}

/** Writes down how far the upload of a task is; gives what its holder is told, or nothing where the task is not his any more. */
export async function saveCheckpoint(
  sql: Sql,
  { taskId, holder, checkpoint }: HeldTaskKey & { readonly checkpoint: string | null },
  leaseMs: number,
): Promise<Held | undefined> {
  const [held] = await sql.query<HeldRow>(
    `UPDATE ingester.tasks SET checkpoint = $3, due_at = ingester.now_ms() + $4::bigint, updated_at = ingester.now_ms()
    WHERE state = 'running' AND task_id = $1 AND lease_owner = $2 RETURNING task_id, cancel_requested_at`,
    [taskId, holder, checkpoint, leaseMs],
  );
  return held;
}

async function holdForSending(
  sql: Sql,
  attempts: readonly AttemptBegin[],
  leaseMs: number,
): Promise<ReadonlyMap<string, HeldRow>> {
  const { text, values } = rowsOf(
    ['uuid', 'uuid', 'text', 'int'],
    attempts.map(({ taskId, holder, target, sends }) => [taskId, holder, target, sends ? 1 : 0]),
    2,
  );
  const rows = await sql.query<HeldRow>(
    `${withHeld(text, ', column3, column4')}
    UPDATE ingester.tasks SET due_at = ingester.now_ms() + $1::bigint, updated_at = ingester.now_ms(),
      phase = CASE WHEN column4 = 1 THEN 'sending' ELSE phase END, target = column3,
      doubt_since = CASE WHEN column4 = 1 THEN coalesce(doubt_since, ingester.now_ms()) ELSE doubt_since END
    FROM held WHERE task_id = held_id RETURNING task_id, cancel_requested_at`,
    [leaseMs, ...values],
  );
  return new Map(rows.map((row) => [row.task_id, row]));
}
