import { ServiceError } from '../../errors/service-error.js';
import type { DeadLetter, Order } from '../dead-letter.js';
import type { Database } from '../../database/database.service.js';
import type { Sql } from '../../database/sql.js';
import { insertAudit } from '../ledger/audit-rows.js';
import { endTask } from '../ledger/task-ends.js';
import { AS_ON_ITS_FIRST_DAY } from '../ledger/task-rows.js';
import { changeUploads } from '../ledger/upload-rows.js';
import { lockLetter } from './letter-rows.js';

/** When a dead letter is to be tried again: times from now on. */
export interface RequeueTimes {
  readonly delayMs: number;
  readonly maxAgeMs: number;
}

/**
 * Does `work` with a dead letter, in one transaction. Of two who change the same one, the second one finds it changed.
 * @throws NOT_FOUND, CONFLICT when it is not dead, QUEUE_UNAVAILABLE
 */
export async function changeLetter<T>(
  database: Database,
  taskId: string,
  work: (tx: Sql, letter: DeadLetter) => Promise<T>,
): Promise<T> {
  if (!database.isUsed()) throw noSuchLetter();
  return database.transaction(async (tx) => {
    const letter = await lockLetter(tx, taskId);
    if (!letter) throw noSuchLetter();
    if (letter.state === 'dead') return work(tx, letter);
    throw new ServiceError('CONFLICT', `This is no dead letter any more: its task is ${letter.state}.`);
  });
}

/**
 * Makes a dead letter a task as on its first day. What it may have stored already is remembered, and there is as much
 * time anew to ask for that. One that its owner has cancelled stays so: it is asked for, and not sent.
 */
export async function requeueTask(
  tx: Sql,
  { taskId, uploadId, kind }: DeadLetter,
  { delayMs, maxAgeMs }: RequeueTimes,
): Promise<void> {
  await tx.query(
    `UPDATE ingester.tasks SET ${AS_ON_ITS_FIRST_DAY},
      due_at = ingester.now_ms() + $2::bigint, deadline = ingester.now_ms() + $3::bigint,
      doubt_since = CASE WHEN doubt_since IS NOT NULL THEN ingester.now_ms() END
    WHERE task_id = $1`,
    [taskId, delayMs, delayMs + maxAgeMs],
  );
  if (kind !== 'delivery') return;
  await changeUploads(tx, [{ uploadId, status: 'accepted', data: { reason: 'redelivered' } }]);
}

/** Gives up what was promised. A file stays stored whose registration, or the removal of whose copies, is given up. */
export async function giveUp(tx: Sql, { taskId, uploadId, kind }: DeadLetter): Promise<void> {
  await endTask(tx, taskId, 'dropped');
  if (kind !== 'delivery') return;
  const data = { reason: 'dropped' };
  await changeUploads(tx, [{ uploadId, status: 'cancelled', dropsFile: true, data }]);
}

/** Writes down what an operator did to a dead letter, and what it was before. */
export async function auditLetter(tx: Sql, letter: DeadLetter, action: string, order: Order): Promise<void> {
  const { taskId: subject, uploadId, kind, reason, attempts, doubtfulTargets } = letter;
  const data = {
    upload_id: uploadId,
    kind,
    died_of: reason,
    attempts,
    doubtful_targets: doubtfulTargets,
  };
  await insertAudit(tx, { ...order, action, subject, data });
}

export function noSuchLetter(): ServiceError {
  return new ServiceError('NOT_FOUND', 'There is no dead letter with this id.');
}
