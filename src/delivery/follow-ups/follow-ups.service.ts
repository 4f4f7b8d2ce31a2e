import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import type { Sql } from '../database/sql.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { DeliveryStore } from '../delivery-store.service.js';
import { lockTaskOf } from '../ledger/task-rows.js';
import { findUpload, insertUpload, renewUpload } from '../ledger/upload-rows.js';
import { IntentFiles } from '../spool/intent-files.service.js';
import { isGivenUp } from '../upload-record.js';
import { SpoolDamaged } from '../spool/spool-damaged.js';
import { intentOf, intentSchema, type StoredUpload } from './follow-up-intent.js';
import { FollowUpTasks } from './follow-up-tasks.service.js';

/** Sees to it that files which were stored without a promise are registered at the Admin module all the same. */
@Injectable()
export class FollowUps implements BeforeApplicationShutdown {
  private readonly logger = new Logger(FollowUps.name);
  private importing: Promise<void> | undefined;
  /** Was something noted since the import under way has begun? */
  private noted = false;

  constructor(
    private readonly store: DeliveryStore,
    private readonly tasks: FollowUpTasks,
    private readonly intents: IntentFiles,
    private readonly settings: DeliverySettings,
  ) {}

  /**
   * Takes note, durably, that a stored file is to be registered: in the database, or in the spool while that is away or
   * not open yet, which takes longer than a client should wait. Nothing where no Admin module is configured.
   * @throws SPOOL_FULL, INTERNAL_ERROR when neither takes note of it
   */
  async note(upload: StoredUpload): Promise<void> {
    if (!this.tasks.wanted) return;
    const { uploadId } = upload;
    if (!this.store.database.opened) {
      await this.intents.write(uploadId, intentOf(upload));
      this.importSoon();
      return;
    }
    try {
      await this.write(upload);
    } catch (error) {
      // Also where it is not known whether it is written down: to write it down twice does no harm.
      this.logger.warn({ err: error, upload_id: uploadId }, 'a registration is noted in the spool for now');
      await this.intents.write(uploadId, intentOf(upload));
    }
  }

  /**
   * Brings what was noted in the spool into the database, and says how many. A note that cannot be read stays, and is
   * reported each time. @throws QUEUE_UNAVAILABLE, Error of the file system: then what is left stays for another time
   */
  async importIntents(): Promise<number> {
    // Left for a time when there is an Admin module again.
    if (!this.tasks.wanted) return 0;
    let imported = 0;
    for (const uploadId of await this.intents.list()) {
      const upload = await this.read(uploadId);
      if (!upload || !(await this.imported(upload))) continue;
      await this.intents.remove(uploadId);
      imported += 1;
    }
    return imported;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.noted = false;
    await this.importing;
  }

  /** As soon as the database is open; where that does not succeed now, the upkeep does it. */
  private importSoon(): void {
    this.noted = true;
    this.importing ??= this.importNoted()
      .catch((error: unknown) => this.logger.warn({ err: error }, 'noted registrations stay in the spool'))
      .finally(() => {
        this.importing = undefined;
      });
  }

  private async importNoted(): Promise<void> {
    await this.store.database.open();
    while (this.noted) {
      this.noted = false;
      await this.importIntents();
    }
  }

  private async imported(upload: StoredUpload): Promise<boolean> {
    try {
      await this.write(upload);
      return true;
    } catch (error) {
      if (error instanceof ServiceError) throw error;
      // One that the database does not take is no reason to keep the others waiting.
      const { uploadId } = upload;
      this.logger.error({ err: error, upload_id: uploadId }, 'a noted registration is not taken');
      return false;
    }
  }

  /** Undefined where there is nothing to read any more, or nothing readable. */
  private async read(uploadId: string): Promise<StoredUpload | undefined> {
    try {
      const intent = await this.intents.read(uploadId);
      if (intent === undefined) return undefined;
      const { data, error } = intentSchema.safeParse(intent);
      if (data?.uploadId === uploadId) return data;
      throw new SpoolDamaged('An intent does not say what is to be done.', error);
    } catch (error) {
      if (!(error instanceof SpoolDamaged)) throw error;
      this.logger.error({ err: error, upload_id: uploadId }, 'a noted registration is damaged');
      return undefined;
    }
  }

  /** May be repeated. */
  private async write(upload: StoredUpload): Promise<void> {
    const at = this.settings.now();
    const database = await this.store.database.open();
    await database.transaction(async (tx) => {
      const isNew = await insertUpload(tx, { ...upload, status: 'active', spoolFile: null, at });
      if (isNew || (await this.lacksTask(tx, upload, at))) await this.tasks.add(tx, upload, at);
    });
    this.store.published();
  }

  /** For an upload that has a row. Its lock keeps two from adding a task each. */
  private async lacksTask(tx: Sql, upload: StoredUpload, at: Date): Promise<boolean> {
    const { uploadId, file } = upload;
    // The task first, as workers do.
    const delivery = await lockTaskOf(tx, uploadId, 'delivery');
    const known = await findUpload(tx, uploadId, true);
    if (!known) return false;
    const isDead = known.status === 'dead' && delivery?.state === 'dead';
    // What was to be delivered once came after all.
    if (isDead || isGivenUp(known, file.uploadedAt)) {
      await renewUpload(tx, { ...upload, status: 'active', spoolFile: null, at });
      return true;
    }
    // One that is still to be delivered is registered after that.
    if (known.status !== 'active') return false;
    return (await lockTaskOf(tx, uploadId, 'registration')) === undefined;
  }
}
