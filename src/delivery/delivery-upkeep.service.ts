import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Database } from '../database/database.service.js';
import { removeReplicas } from '../replicas/replica-rows.js';
import { RegularWork } from '../timing/regular-work.js';
import { DeliverySettings } from './delivery-settings.service.js';
import { expireLetter, findOldLetters, removeReceipts } from './ledger/retention-rows.js';
import { forgetRefused } from './ledger/spool-file-rows.js';
import { FollowUps } from './follow-ups/follow-ups.service.js';
import { UnfinishedUploads } from './unfinished-uploads.service.js';

const DAY_MS = 86_400_000;
const EVERY_MS = 60_000;
/** Nobody comes so late with a file that he has kept and not promised yet. */
const REFUSED_MS = 30 * DAY_MS;
/** A replica that was not seen for so long is gone. */
const REPLICA_MS = DAY_MS;
/** Rows that are removed by one statement: others wait for it. */
const BATCH = 500;

/**
 * What time brings: registrations that had to be written down beside the database are brought into it, receipts and dead
 * letters go when they have been kept for as long as was promised, and replicas that are gone are forgotten. Several
 * replicas may do so at once.
 */
@Injectable()
export class DeliveryUpkeep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(DeliveryUpkeep.name);
  private regular: RegularWork | undefined;
  private stopping = false;

  constructor(
    private readonly database: Database,
    private readonly followUps: FollowUps,
    private readonly settings: DeliverySettings,
    private readonly unfinished: UnfinishedUploads,
  ) {}

  /** Does not wait: the database may take its time, and uploads need not. */
  onApplicationBootstrap(): void {
    this.regular = new RegularWork(() => this.runMaintenance(), EVERY_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await this.regular?.stop();
  }

  /** Does once all that is due, until the service ends. Never fails: what cannot be done is logged, and keeps nothing else. */
  async runMaintenance(): Promise<void> {
    await this.step('intents', () => this.followUps.importIntents());
    if (!this.database.isUsed()) return;
    await this.step('receipts', () => this.dropReceipts());
    await this.step('dead letters', () => this.dropLetters());
    await this.step('refused files', () => forgetRefused(this.database, REFUSED_MS));
    await this.step('replicas', () => removeReplicas(this.database, REPLICA_MS));
  }

  private async step(what: string, work: () => Promise<unknown>): Promise<void> {
    if (this.stopping) return;
    try {
      await work();
    } catch (error) {
      this.logger.warn({ err: error, what }, 'a maintenance step failed');
    }
  }

  private async dropReceipts(): Promise<void> {
    let count: number;
    do {
      count = await removeReceipts(this.database, this.settings.receiptMs, BATCH);
      if (count > 0) this.logger.log({ count }, 'receipts were kept for long enough');
    } while (count === BATCH && !this.stopping);
  }

  private async dropLetters(): Promise<void> {
    const letters = await findOldLetters(this.database, this.settings.letterMs, BATCH);
    for (const { task_id: taskId } of letters) {
      if (this.stopping) return;
      const expired = await this.database.transaction((tx) => expireLetter(tx, taskId));
      // Somebody has decided on it meanwhile.
      if (!expired) continue;
      const { upload, task } = expired;
      // Not before the commit: until then the file is promised.
      this.unfinished.discardOf(task);
      if (upload) await this.unfinished.files.removeSoon(upload.spoolFile);
      this.logger.warn(
        { task_id: taskId, upload_id: task.upload_id },
        'a dead letter was kept for long enough',
      );
    }
  }
}
