import { ServiceError } from '../../errors/service-error.js';
import type { DeadLetter, Order } from '../dead-letter.js';
import type { DeliveryDatabase } from '../database/delivery-database.service.js';
import type { Sql } from '../database/sql.js';
import { insertAudit } from '../ledger/audit-rows.js';
import { changeUpload } from '../ledger/upload-rows.js';
import { lockLetter } from './letter-rows.js';

export interface GivenOrder extends Order {
  readonly at: Date;
}

export interface Revival {
  readonly at: Date;
  readonly dueAt: Date;
  readonly deadline: Date;
}

/**
 * Does `work` with a dead letter, in one transaction. Of two who change the same one, the second one finds it changed.
 * @throws NOT_FOUND, CONFLICT when it is not dead, QUEUE_UNAVAILABLE
 */
export async function changeLetter<T>(
  delivery: DeliveryDatabase,
  taskId: string,
  work: (tx: Sql, letter: DeadLetter) => Promise<T>,
): Promise<T> {
  if (!delivery.isUsed()) throw noSuchLetter();
  const database = await delivery.open();
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
export async function reviveTask(
  tx: Sql,
  letter: DeadLetter,
  { at, dueAt, deadline }: Revival,
): Promise<void> {
  await tx.query(
    `UPDATE ingester.tasks SET state = 'waiting', phase = 'queued', attempts = 0, reason = NULL, dead_at = NULL,
      due_at = $2, deadline = $3, updated_at = $4, revived_at = $4,
      doubt_since = CASE WHEN cardinality(doubtful_targets) + cardinality(unasked_targets) = 0 THEN NULL ELSE $4::timestamptz END
    WHERE task_id = $1`,
    [letter.taskId, dueAt, deadline, at],
  );
  if (letter.kind !== 'delivery') return;
  await changeUpload(tx, letter.uploadId, { status: 'accepted', data: { reason: 'redelivered' }, at });
}

/** Gives up what was promised. A file stays stored whose registration, or the removal of whose copies, is given up. */
export async function giveUp(tx: Sql, { taskId, uploadId, kind }: DeadLetter, at: Date): Promise<void> {
  await tx.query(
    `UPDATE ingester.tasks SET state = 'dropped', phase = 'ended', updated_at = $2 WHERE task_id = $1`,
    [taskId, at],
  );
  if (kind !== 'delivery') return;
  const data = { reason: 'dropped' };
  await changeUpload(tx, uploadId, { status: 'cancelled', dropsFile: true, data, at });
}

/** Writes down what an operator did to a dead letter, and what it was before. */
export async function auditLetter(
  tx: Sql,
  letter: DeadLetter,
  action: string,
  order: GivenOrder,
): Promise<void> {
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
