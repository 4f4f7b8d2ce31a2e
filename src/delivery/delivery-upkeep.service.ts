import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DeliverySettings } from './delivery-settings.service.js';
import { DeliveryStore } from './delivery-store.service.js';
import { expireLetter, findOldLetters, removeReceipts } from './ledger/retention-rows.js';
import { Registrations } from './registration/registrations.service.js';
import { SpoolRoom } from './spool/spool-room.service.js';

const DAY_MS = 86_400_000;
const EVERY_MS = 60_000;
/** Rows that are removed by one statement: others wait for it. */
const BATCH = 500;

/**
 * What time brings: registrations that had to be written down beside the database are brought into it, and receipts and
 * dead letters go when they have been kept for as long as was promised. Several replicas may do so at once.
 */
@Injectable()
export class DeliveryUpkeep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(DeliveryUpkeep.name);
  private readonly receiptMs: number;
  /** 0: dead letters stay until somebody drops them. */
  private readonly letterMs: number;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> | undefined;

  constructor(
    private readonly store: DeliveryStore,
    private readonly registrations: Registrations,
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
    clearInterval(this.timer);
    await this.running;
  }

  /** Does once all that is due. @throws QUEUE_UNAVAILABLE, Error of the file system */
  async keepUp(): Promise<void> {
    await this.registrations.importIntents();
    if (!this.store.database.isUsed()) return;
    await this.dropReceipts();
    if (this.letterMs > 0) await this.dropLetters();
  }

  private async dropReceipts(): Promise<void> {
    const database = await this.store.database.open();
    const before = new Date(this.settings.now().getTime() - this.receiptMs);
    let count: number;
    do {
      count = await removeReceipts(database, before, BATCH);
      if (count > 0) this.logger.log({ count }, 'receipts were kept for long enough');
    } while (count === BATCH);
  }

  private async dropLetters(): Promise<void> {
    const database = await this.store.database.open();
    const at = this.settings.now();
    const letters = await findOldLetters(database, new Date(at.getTime() - this.letterMs), BATCH);
    for (const { task_id: taskId } of letters) {
      const uploadId = await database.transaction((tx) => expireLetter(tx, taskId, at));
      // Not before the commit: until then the file is promised.
      if (uploadId !== undefined) await this.spool.files.remove(uploadId);
      this.logger.warn({ task_id: taskId, upload_id: uploadId }, 'a dead letter was kept for long enough');
    }
  }

  /** Unless it is under way. */
  private begin(): void {
    this.running ??= this.keepUp()
      .catch((error: unknown) => this.logger.warn({ err: error }, 'what is due was not done'))
      .finally(() => {
        this.running = undefined;
      });
  }
}
