import { Inject, Injectable, Logger } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { CLOCK, type Clock } from '../resilience/clock.js';
import { DeliveryDatabase } from './database/delivery-database.service.js';
import type { Sql } from './database/sql.js';
import type { DeadLetter, DeadLetterFilter, Order, Redelivery } from './dead-letter.js';
import { changeLetter, type GivenOrder } from './dead-letters/letter-changes.js';
import { conditionOf } from './dead-letters/letter-filter.js';
import { LetterRevival } from './dead-letters/letter-revival.service.js';
import { countLetters, findLetter, lockLetters } from './dead-letters/letter-rows.js';
import { ALL_LETTERS, spreadUntilMs } from './dead-letters/redelivery-pace.js';
import { DeliveryMetrics } from './delivery-metrics.service.js';
import { insertAudit } from './ledger/audit-rows.js';

interface GivenFilter extends GivenOrder {
  readonly filter: DeadLetterFilter;
}

/** Has dead letters tried again. Each order is written down with who gave it, and logged. */
@Injectable()
export class Redeliveries {
  private readonly logger = new Logger(Redeliveries.name);

  constructor(
    private readonly database: DeliveryDatabase,
    private readonly revival: LetterRevival,
    private readonly metrics: DeliveryMetrics,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Has one tried again at once, as if for the first time. @throws NOT_FOUND, CONFLICT when it is not dead, QUEUE_UNAVAILABLE */
  async redeliver(taskId: string, order: Order): Promise<DeadLetter> {
    const [dead, revived = dead] = await changeLetter(this.database, taskId, async (tx, letter) => {
      await this.revival.revive(tx, letter, { ...order, at: this.now() });
      return [letter, await findLetter(tx, taskId)] as const;
    });
    this.tell([dead], order);
    return revived;
  }

  /**
   * Has the oldest that fit tried again, up to `limit` and never more than `DEAD_LETTER_REDELIVERY_MAX`, one after the
   * other, so that a target that is just back is not run over. Until the last is due, no such order is taken, by no
   * process. @throws RATE_LIMITED, QUEUE_UNAVAILABLE
   */
  async redeliverAll(filter: DeadLetterFilter, limit: number, order: Order): Promise<Redelivery> {
    const at = this.now();
    if (!this.database.isUsed()) return { redelivered: 0, remaining: 0, spreadUntil: at };
    const database = await this.database.open();
    const { letters, ...result } = await database.transaction(async (tx) => {
      refuseUntil(await spreadUntilMs(tx), at.getTime());
      return this.reviveSome(tx, Math.min(limit, this.revival.mostAtOnce), { ...order, at, filter });
    });
    this.tell(letters, order);
    return { redelivered: letters.length, ...result };
  }

  private async reviveSome(
    tx: Sql,
    limit: number,
    { filter, ...order }: GivenFilter,
  ): Promise<Omit<Redelivery, 'redelivered'> & { readonly letters: readonly DeadLetter[] }> {
    const { spacingMs } = this.revival;
    const condition = conditionOf(filter, order.at.getTime());
    const letters = await lockLetters(tx, condition, limit);
    const spreadUntil = new Date(order.at.getTime() + letters.length * spacingMs);
    for (const [index, letter] of letters.entries()) {
      await this.revival.revive(tx, letter, order, index * spacingMs);
    }
    if (letters.length > 0) {
      const data = { filter, redelivered: letters.length, spread_until: spreadUntil.toISOString() };
      await insertAudit(tx, { ...order, action: 'redeliver', subject: ALL_LETTERS, data });
    }
    return { letters, remaining: await countLetters(tx, condition), spreadUntil };
  }

  private tell(letters: readonly DeadLetter[], { who, reason }: Order): void {
    for (const { taskId, uploadId, reason: diedOf } of letters) {
      this.metrics.redelivered(diedOf);
      const facts = { task_id: taskId, upload_id: uploadId, died_of: diedOf, by: who, reason };
      this.logger.log(facts, 'a dead letter is redelivered');
    }
  }

  private now(): Date {
    return new Date(this.clock.wallMs());
  }
}

function refuseUntil(untilMs: number, nowMs: number): void {
  if (untilMs <= nowMs) return;
  throw new ServiceError('RATE_LIMITED', 'Dead letters are still being redelivered by the order before.', {
    retryAfterMs: untilMs - nowMs,
  });
}
