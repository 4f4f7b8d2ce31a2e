import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import type { DeadLetter } from '../dead-letter.js';
import type { Sql } from '../database/sql.js';
import { laneOf } from '../ledger/task-lane.js';
import { DeliveryQueue } from '../queue/delivery-queue.js';
import { wakeUpOf } from '../queue/wake-up.js';
import { auditLetter, type GivenOrder, reviveTask } from './letter-changes.js';

/** Makes dead letters tasks again that wait for their turn. */
@Injectable()
export class LetterRevival {
  /** Most that one order over many revives. */
  readonly mostAtOnce: number;
  /** Time from one of these to the next, in milliseconds. */
  readonly spacingMs: number;
  private readonly largeBytes: number;
  private readonly maxAgeMs: number;

  constructor(
    private readonly queue: DeliveryQueue,
    config: ConfigService<Environment, true>,
  ) {
    this.mostAtOnce = config.get('DEAD_LETTER_REDELIVERY_MAX', { infer: true });
    this.spacingMs = config.get('DEAD_LETTER_REDELIVERY_SPACING_MS', { infer: true });
    this.largeBytes = config.get('DELIVERY_LARGE_BYTES', { infer: true });
    this.maxAgeMs = config.get('DELIVERY_MAX_AGE_MS', { infer: true });
  }

  /** Once `tx` is committed, it is taken after `delayMs`. */
  async revive(tx: Sql, letter: DeadLetter, order: GivenOrder, delayMs = 0): Promise<void> {
    const dueAt = new Date(order.at.getTime() + delayMs);
    const deadline = new Date(dueAt.getTime() + this.maxAgeMs);
    await reviveTask(tx, letter, { at: order.at, dueAt, deadline });
    const lane = laneOf(letter.kind, letter.size, this.largeBytes);
    const wakeUp = wakeUpOf(letter.taskId, letter.kind, letter.retentionPolicy);
    await this.queue.publish(tx, wakeUp, lane, dueAt);
    await auditLetter(tx, letter, 'redeliver', order);
  }
}
