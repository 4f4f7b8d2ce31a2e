import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import type { Sql } from '../../database/sql.js';
import type { DeadLetter, Order } from '../dead-letter.js';
import { AS_ON_ITS_FIRST_DAY } from '../ledger/task-rows.js';
import { changeUploads } from '../ledger/upload-rows.js';
import { TaskKinds } from '../task-kinds.service.js';
import { WakeUps } from '../wake-ups.service.js';
import { auditLetter } from './letter-changes.js';

/** Makes dead letters tasks again that wait for their turn. */
@Injectable()
export class Redelivery {
  /** Most that one order over many takes up. */
  readonly mostAtOnce: number;
  /** Time from one of these to the next, in milliseconds. */
  readonly spacingMs: number;
  private readonly maxAgeMs: number;

  constructor(
    private readonly kinds: TaskKinds,
    private readonly wakeUps: WakeUps,
    config: ConfigService<Environment, true>,
  ) {
    this.mostAtOnce = config.get('DEAD_LETTER_REDELIVERY_MAX', { infer: true });
    this.spacingMs = config.get('DEAD_LETTER_REDELIVERY_SPACING_MS', { infer: true });
    this.maxAgeMs = config.get('DELIVERY_MAX_AGE_MS', { infer: true });
  }

  /** What was requeued is committed. */
  wake(): void {
    this.wakeUps.wake(this.kinds.lanes.keys());
  }

  /**
   * Makes a dead letter a task as on its first day, which is claimed `delayMs` after `tx` is committed. What it may have
   * stored already is remembered, and there is as much time anew to ask for that. One that its owner has cancelled stays
   * so: it is asked for, and not sent.
   */
  async requeue(tx: Sql, letter: DeadLetter, order: Order, delayMs = 0): Promise<void> {
    await tx.query(
      `UPDATE ingester.tasks SET ${AS_ON_ITS_FIRST_DAY},
        due_at = ingester.now_ms() + $2::bigint, deadline = ingester.now_ms() + $3::bigint,
        doubt_since = CASE WHEN doubt_since IS NOT NULL THEN ingester.now_ms() END
      WHERE task_id = $1`,
      [letter.task_id, delayMs, delayMs + this.maxAgeMs],
    );
    const data = { reason: 'redelivered' };
    if (letter.kind === 'delivery')
      await changeUploads(tx, [{ uploadId: letter.upload_id, status: 'accepted', data }]);
    await auditLetter(tx, letter, 'redeliver', order);
  }
}
