import { ServiceError } from '../../errors/service-error.js';
import type { DeadLetter, Order } from '../dead-letter.js';
import type { Database } from '../../database/database.service.js';
import type { Sql } from '../../database/sql.js';
import { insertAudit } from '../../database/audit-rows.js';
import { endTask } from '../ledger/task-ends.js';
import { changeUploads } from '../ledger/upload-rows.js';
import { findLetter } from './letter-rows.js';

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
    const letter = await findLetter(tx, taskId, true);
    if (!letter) throw noSuchLetter();
    if (letter.state === 'dead') return work(tx, letter);
    throw new ServiceError('CONFLICT', `This is no dead letter any more: its task is ${letter.state}.`);
  });
}

/** Gives up what was promised. A file stays stored whose registration, or the removal of whose copies, is given up. */
export async function giveUp(tx: Sql, letter: DeadLetter): Promise<void> {
  const { task_id: taskId, upload_id: uploadId, kind } = letter;
  await endTask(tx, taskId, 'dropped');
  if (kind !== 'delivery') return;
  const data = { reason: 'dropped' };
  await changeUploads(tx, [{ uploadId, status: 'cancelled', dropsFile: true, data }]);
}

/** Writes down what an operator did to a dead letter, and what it was before. */
export async function auditLetter(tx: Sql, letter: DeadLetter, action: string, order: Order): Promise<void> {
  const { task_id: subject, upload_id, kind, reason: died_of, attempts, doubtful_targets } = letter;
  const data = { upload_id, kind, died_of, attempts, doubtful_targets };
  await insertAudit(tx, { ...order, action, subject, data });
}

export function noSuchLetter(): ServiceError {
  return new ServiceError('NOT_FOUND', 'There is no dead letter with this id.');
}
