import type { Sql } from '../database/sql.js';
import { insertAudit } from './audit-rows.js';
import { endTask } from './task-ends.js';
import type { TaskRow } from './task-rows.js';
import { changeUpload } from './upload-rows.js';

export type OverdueTask = Pick<TaskRow, 'task_id' | 'kind' | 'size'> & {
  /** The retention policy of its file. */
  readonly policy: string;
};

/** Who is said to have done what nobody ordered. */
const OURSELVES = 'ingester';

/**
 * Removes receipts of uploads that were finished before `before` and of which nothing is left to do, `limit` at most.
 * Gives how many.
 */
export async function removeReceipts(sql: Sql, before: Date, limit: number): Promise<number> {
  const removed = await sql.query(
    `DELETE FROM ingester.uploads WHERE upload_id IN (
      SELECT upload_id FROM ingester.uploads
      WHERE finished_at < $1 AND spool_file IS NULL AND NOT EXISTS (
        SELECT 1 FROM ingester.tasks
        WHERE tasks.upload_id = uploads.upload_id AND state IN ('waiting', 'running', 'dead')
      ) LIMIT $2
    ) RETURNING upload_id`,
    [before, limit],
  );
  return removed.length;
}

/**
 * Dead letters that died before `before`, and those whose file was wanted until `at` only, the oldest first. Without
 * `before` they are kept however old they are.
 */
export function findOldLetters(
  sql: Sql,
  { before, at }: { readonly before: Date | undefined; readonly at: Date },
  limit: number,
): Promise<{ task_id: string }[]> {
  return sql.query<{ task_id: string }>(
    `SELECT task_id FROM ingester.tasks JOIN ingester.uploads USING (upload_id)
    WHERE state = 'dead' AND (
      dead_at < $1::timestamptz
      OR kind = 'delivery' AND (description->>'uploadedAt')::timestamptz
        + (description->>'ttlDays')::int * interval '24 hours' <= $2::timestamptz
    ) ORDER BY dead_at LIMIT $3`,
    [before ?? null, at, limit],
  );
}

/**
 * Tasks that should have been worked on before `before`, and were not. Each of them has a job, unless somebody took it
 * away from the queue.
 */
export function findOverdue(sql: Sql, before: Date, limit: number): Promise<OverdueTask[]> {
  return sql.query<OverdueTask>(
    `SELECT task_id, kind, tasks.size, description->>'retentionPolicy' AS policy
    FROM ingester.tasks JOIN ingester.uploads USING (upload_id)
    WHERE state = 'waiting' AND due_at < $1 OR state = 'running' AND lease_until < $1
    ORDER BY due_at LIMIT $2`,
    [before, limit],
  );
}

/**
 * Gives up a dead letter that nobody has decided on. Gives the id of the upload whose file is of no use any more;
 * undefined where there is none, or somebody has decided meanwhile.
 */
export async function expireLetter(tx: Sql, taskId: string, at: Date): Promise<string | undefined> {
  const [task] = await tx.query<TaskRow>(
    `SELECT * FROM ingester.tasks WHERE task_id = $1 AND state = 'dead' FOR UPDATE`,
    [taskId],
  );
  if (!task) return undefined;
  const { upload_id: uploadId, kind, reason, dead_at: deadAt } = task;
  await endTask(tx, taskId, 'dropped', at);
  if (kind === 'delivery') await changeUpload(tx, uploadId, { status: 'expired', dropsFile: true, at });
  const data = { upload_id: uploadId, kind, reason, dead_at: deadAt?.toISOString() };
  await insertAudit(tx, { at, who: OURSELVES, action: 'expire', subject: taskId, data });
  return kind === 'delivery' ? uploadId : undefined;
}
