import type { Sql } from '../../database/sql.js';
import { insertAudit } from '../../database/audit-rows.js';
import { endTask } from './task-ends.js';
import type { TaskRow } from './task-rows.js';
import type { UploadRecord } from '../upload-record.js';
import { changeUploads, findUpload } from './upload-rows.js';

/** Who is said to have done what nobody ordered. */
const OURSELVES = 'ingester';

/**
 * Removes receipts of uploads that were finished more than `ageMs` ago and of which nothing is left to do, `limit` at
 * most. Gives how many. One that is just being promised anew is locked, and stays.
 */
export async function removeReceipts(sql: Sql, ageMs: number, limit: number): Promise<number> {
  const removed = await sql.query(
    `DELETE FROM ingester.uploads WHERE upload_id IN (
      SELECT upload_id FROM ingester.uploads
      WHERE finished_at < ingester.now_ms() - $1::bigint AND spool_file IS NULL AND NOT EXISTS (
        SELECT 1 FROM ingester.tasks
        WHERE tasks.upload_id = uploads.upload_id AND state IN ('waiting', 'running', 'dead')
      ) LIMIT $2 FOR UPDATE SKIP LOCKED
    ) RETURNING upload_id`,
    [ageMs, limit],
  );
  return removed.length;
}

/**
 * Dead letters that died more than `ageMs` ago, and those whose file is not wanted any more, the oldest first. Without
 * `ageMs` they are kept however old they are.
 */
export function findOldLetters(
  sql: Sql,
  ageMs: number | undefined,
  limit: number,
): Promise<{ task_id: string }[]> {
  return sql.query<{ task_id: string }>(
    `SELECT task_id FROM ingester.tasks JOIN ingester.uploads USING (upload_id)
    WHERE state = 'dead' AND (
      dead_at < ingester.now_ms() - $1::bigint OR kind = 'delivery' AND expires_at <= ingester.now_ms()
    ) ORDER BY dead_at LIMIT $2`,
    [ageMs ?? null, limit],
  );
}

/** Gives up a dead letter that nobody has decided on, and gives it with its upload. Undefined where somebody has meanwhile. */
export async function expireLetter(
  tx: Sql,
  taskId: string,
): Promise<{ readonly task: TaskRow; readonly upload: UploadRecord | undefined } | undefined> {
  const [task] = await tx.query<TaskRow>(
    `SELECT * FROM ingester.tasks WHERE task_id = $1 AND state = 'dead' FOR UPDATE`,
    [taskId],
  );
  if (!task) return undefined;
  const { upload_id: uploadId, kind, reason, dead_at: deadAt } = task;
  const upload = await findUpload(tx, uploadId, true);
  await endTask(tx, taskId, 'dropped');
  if (kind === 'delivery') await changeUploads(tx, [{ uploadId, status: 'expired', dropsFile: true }]);
  const died = deadAt === null ? undefined : new Date(deadAt).toISOString();
  const data = { upload_id: uploadId, kind, reason, dead_at: died };
  await insertAudit(tx, { who: OURSELVES, action: 'expire', subject: taskId, data });
  return { task, upload };
}
