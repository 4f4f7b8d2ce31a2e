import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import type { Sql } from '../../database/sql.js';
import type { DeadLetter, Order } from '../dead-letter.js';
import { TaskKinds } from '../task-kinds.service.js';
import { WakeUps } from '../wake-ups.service.js';
import { auditLetter, requeueTask } from './letter-changes.js';

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

  /** Once `tx` is committed, it is claimed after `delayMs`. */
  async requeue(tx: Sql, letter: DeadLetter, order: Order, delayMs = 0): Promise<void> {
    await requeueTask(tx, letter, { delayMs, maxAgeMs: this.maxAgeMs });
    await auditLetter(tx, letter, 'redeliver', order);
  }
}
