import { Injectable, Logger } from '@nestjs/common';
import { Database } from '../database/database.service.js';
import type { Sql } from '../database/sql.js';
import type { DeadLetter, Order, RedeliveryOfMany, RedeliveryReport } from './dead-letter.js';
import { changeLetter } from './dead-letters/letter-changes.js';
import { conditionOf } from './dead-letters/letter-filter.js';
import { previewedAt, requireShown } from './dead-letters/preview-token.js';
import { Redelivery } from './dead-letters/redelivery.service.js';
import { countLetters, findLetter, lockLetters } from './dead-letters/letter-rows.js';
import { ALL_LETTERS, beginOrder } from './dead-letters/redelivery-pace.js';
import { DeliveryMetrics } from './delivery-metrics.service.js';
import { insertAudit } from '../database/audit-rows.js';
import { TaskKinds } from './task-kinds.service.js';

/** Has dead letters tried again. Each order is written down with who gave it, and logged. */
@Injectable()
export class Redeliveries {
  private readonly logger = new Logger(Redeliveries.name);

  constructor(
    private readonly database: Database,
    private readonly redelivery: Redelivery,
    private readonly metrics: DeliveryMetrics,
    private readonly kinds: TaskKinds,
  ) {}

  /** Has one tried again at once, as if for the first time. @throws NOT_FOUND, CONFLICT when it is not dead, QUEUE_UNAVAILABLE */
  async redeliver(taskId: string, order: Order): Promise<DeadLetter> {
    const [dead, requeued = dead] = await changeLetter(this.database, taskId, async (tx, letter) => {
      await this.redelivery.requeue(tx, letter, order);
      return [letter, await findLetter(tx, taskId)] as const;
    });
    this.tell([dead], order);
    return requeued;
  }

  /**
   * Has the oldest that fit tried again, up to `limit` and never more than `DEAD_LETTER_REDELIVERY_MAX`, one after the
   * other, so that a target that is just back is not run over. Until the last is due, no such order is taken, by no
   * process. With the token of a preview, only those that were dead then.
   * @throws VALIDATION_ERROR; CONFLICT where something else was previewed, or too long ago; RATE_LIMITED, QUEUE_UNAVAILABLE
   */
  async redeliverAll(order: RedeliveryOfMany): Promise<RedeliveryReport> {
    this.kinds.refuseUnknown(order.filter.kind);
    if (!this.database.isUsed()) return { redelivered: 0, remaining: 0, spreadUntil: new Date() };
    const { letters, ...result } = await this.database.transaction((tx) => this.requeueSome(tx, order));
    this.tell(letters, order);
    return { redelivered: letters.length, ...result };
  }

  private async requeueSome(
    tx: Sql,
    { filter, token, limit, who, reason }: RedeliveryOfMany,
  ): Promise<Omit<RedeliveryReport, 'redelivered'> & { readonly letters: readonly DeadLetter[] }> {
    const order = { who, reason };
    const nowMs = await beginOrder(tx);
    const previewed = token === undefined ? undefined : previewedAt(token, 'redeliver', filter, nowMs);
    const { spacingMs, mostAtOnce } = this.redelivery;
    const condition = conditionOf(filter, { asOfMs: previewed?.atMs });
    if (previewed) requireShown(previewed, await countLetters(tx, condition));
    const letters = await lockLetters(tx, condition, Math.min(limit, mostAtOnce));
    const spreadUntil = new Date(nowMs + letters.length * spacingMs);
    for (const [index, letter] of letters.entries()) {
      await this.redelivery.requeue(tx, letter, order, index * spacingMs);
    }
    if (letters.length > 0) {
      const data = { filter, redelivered: letters.length, spread_until: spreadUntil.toISOString() };
      await insertAudit(tx, { ...order, action: 'redeliver', subject: ALL_LETTERS, data });
    }
    return { letters, remaining: await countLetters(tx, condition), spreadUntil };
  }

  private tell(letters: readonly DeadLetter[], { who, reason }: Order): void {
    this.redelivery.wake();
    for (const { task_id, upload_id, reason: died_of } of letters) {
      this.metrics.redelivered(died_of);
      this.logger.log({ task_id, upload_id, died_of, by: who, reason }, 'a dead letter is redelivered');
    }
  }
}
