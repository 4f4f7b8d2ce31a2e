import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DeliverySettings } from './delivery-settings.service.js';
import { DeliveryStore } from './delivery-store.service.js';
import { expireLetter, findOldLetters, findOverdue, removeReceipts } from './ledger/retention-rows.js';
import { FollowUps } from './follow-ups/follow-ups.service.js';
import { wakeUpOf } from './queue/wake-up.js';
import { SpoolRoom } from './spool/spool-room.service.js';

const DAY_MS = 86_400_000;
const EVERY_MS = 60_000;
/** A queue that is just long is not that late. */
const OVERDUE_MS = 300_000;
/** Rows that are removed by one statement: others wait for it. */
const BATCH = 500;

/**
 * What time brings: registrations that had to be written down beside the database are brought into it, receipts and
 * dead letters go when they have been kept for as long as was promised, and tasks that nobody takes are put into the
 * queue again. Several replicas may do so at once.
 */
@Injectable()
export class DeliveryUpkeep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(DeliveryUpkeep.name);
  private readonly receiptMs: number;
  /** 0: dead letters stay until somebody drops them. */
  private readonly letterMs: number;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> | undefined;
  private stopping = false;

  constructor(
    private readonly store: DeliveryStore,
    private readonly followUps: FollowUps,
    private readonly spool: SpoolRoom,
    private readonly settings: DeliverySettings,
  ) {
    this.receiptMs = settings.receiptRetentionDays * DAY_MS;
    this.letterMs = settings.deadLetterRetentionDays * DAY_MS;
  }

  /** Does not wait: the database may take its time, and uploads need not. */
  onApplicationBootstrap(): void {
    this.begin();
    this.timer = setInterval(() => this.begin(), EVERY_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearInterval(this.timer);
    await this.running;
  }

  /** Does once all that is due, until the service ends. Never fails: what cannot be done is logged, and keeps nothing else. */
  async keepUp(): Promise<void> {
    await this.step('intents', () => this.followUps.importIntents());
    if (!this.store.database.isUsed()) return;
    await this.step('receipts', () => this.dropReceipts());
    await this.step('dead letters', () => this.dropLetters());
    await this.step('overdue tasks', () => this.wakeOverdue());
  }

  private async step(what: string, work: () => Promise<unknown>): Promise<void> {
    if (this.stopping) return;
    try {
      await work();
    } catch (error) {
      this.logger.warn({ err: error, what }, 'what is due was not done');
    }
  }

  private async dropReceipts(): Promise<void> {
    const database = await this.store.database.open();
    const before = new Date(this.settings.now().getTime() - this.receiptMs);
    let count: number;
    do {
      count = await removeReceipts(database, before, BATCH);
      if (count > 0) this.logger.log({ count }, 'receipts were kept for long enough');
    } while (count === BATCH && !this.stopping);
  }

  private async dropLetters(): Promise<void> {
    const database = await this.store.database.open();
    const at = this.settings.now();
    const before = this.letterMs > 0 ? new Date(at.getTime() - this.letterMs) : undefined;
    const letters = await findOldLetters(database, { before, at }, BATCH);
    for (const { task_id: taskId } of letters) {
      if (this.stopping) return;
      const uploadId = await database.transaction((tx) => expireLetter(tx, taskId, at));
      // Not before the commit: until then the file is promised.
      if (uploadId !== undefined) await this.spool.files.remove(uploadId);
      this.logger.warn({ task_id: taskId, upload_id: uploadId }, 'a dead letter was kept for long enough');
    }
  }

  /** A task that has a job keeps that one: only those are woken whose job is gone, as when the queue was restored. */
  private async wakeOverdue(): Promise<void> {
    const { database, queue } = this.store;
    const at = this.settings.now();
    const opened = await database.open();
    const overdue = await findOverdue(opened, new Date(at.getTime() - OVERDUE_MS), BATCH);
    for (const { task_id: taskId, kind, size, policy } of overdue) {
      if (this.stopping) return;
      const lane = this.settings.laneOf(kind, size);
      const wakeUp = wakeUpOf(taskId, kind, policy);
      await opened.transaction((tx) => queue.publish(tx, wakeUp, lane, at));
    }
    if (overdue.length > 0) this.store.published();
  }

  /** Unless it is under way. */
  private begin(): void {
    this.running ??= this.keepUp().finally(() => {
      this.running = undefined;
    });
  }
}
