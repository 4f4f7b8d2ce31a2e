import { Injectable } from '@nestjs/common';
import type { Sql } from '../database/sql.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { DeliveryStore } from '../delivery-store.service.js';
import { isCancelling, lockTaskOf, type TaskRow } from '../ledger/task-rows.js';
import { findUpload, insertUpload, renewUpload } from '../ledger/upload-rows.js';
import { AcceptedFiles } from '../spool/accepted-files.service.js';
import { isGivenUp, type UploadRecord } from '../upload-record.js';
import type { StoredUpload } from './follow-up-intent.js';
import { FollowUpTasks } from './follow-up-tasks.service.js';

/** Writes uploads that were stored without a promise into the database. */
@Injectable()
export class StoredUploads {
  constructor(
    private readonly store: DeliveryStore,
    private readonly tasks: FollowUpTasks,
    private readonly files: AcceptedFiles,
    private readonly settings: DeliverySettings,
  ) {}

  /** The upload, and what is left to be done for it. May be repeated. @throws QUEUE_UNAVAILABLE, and what the database says */
  async write(upload: StoredUpload): Promise<void> {
    const at = this.settings.now();
    const database = await this.store.database.open();
    await database.transaction(async (tx) => {
      const isNew = await insertUpload(tx, { ...upload, status: 'active', spoolFile: null, at });
      const elsewhere = isNew ? [] : await this.takePlace(tx, upload, at);
      if (elsewhere) await this.addTasks(tx, withCopies(upload, elsewhere), at);
    });
    this.store.published();
  }

  private async addTasks(tx: Sql, upload: StoredUpload, at: Date): Promise<void> {
    const { uploadId, copies } = upload;
    if (!(await lockTaskOf(tx, uploadId, 'registration'))) await this.tasks.addRegistration(tx, upload, at);
    if (copies.length === 0 || (await lockTaskOf(tx, uploadId, 'removal'))) return;
    await this.tasks.addRemoval(tx, upload, copies, at);
  }

  /**
   * For an upload that has a row. Its lock keeps two from adding a task each. Gives where else the file may be; undefined
   * where it is left to its delivery, and is followed up after that.
   */
  private async takePlace(tx: Sql, upload: StoredUpload, at: Date): Promise<readonly string[] | undefined> {
    const { uploadId, file } = upload;
    // The task first, as workers do.
    const delivery = await lockTaskOf(tx, uploadId, 'delivery');
    const known = await findUpload(tx, uploadId, true);
    if (!known) return undefined;
    const isDead = known.status === 'dead' && delivery?.state === 'dead';
    // What was to be delivered once came after all.
    if (isDead || isGivenUp(known, file.uploadedAt) || (await this.isLost(known, delivery, upload))) {
      await renewUpload(tx, { ...upload, status: 'active', spoolFile: null, at });
      return delivery?.doubtful_targets ?? [];
    }
    return known.status === 'active' ? [] : undefined;
  }

  /** Is it this very file that is still to be delivered, and is not there to be? No delivery comes to follow it up. */
  private async isLost(
    known: UploadRecord,
    delivery: TaskRow | undefined,
    { file, digest }: StoredUpload,
  ): Promise<boolean> {
    const isOpen = delivery?.state === 'waiting' || delivery?.state === 'running';
    const isSame = known.owner === file.uploadedBy && known.digest.sha256 === digest.sha256;
    if (!isOpen || !isSame || isCancelling(delivery) || known.spoolFile === null) return false;
    return !(await this.files.has(known.uploadId));
  }
}

/** Elements for permanent files remove nothing. */
function withCopies(upload: StoredUpload, elsewhere: readonly string[]): StoredUpload {
  const { file, stored, copies } = upload;
  if (file.retentionPolicy !== 'temporary') return upload;
  const others = elsewhere.filter((target) => target !== stored.target);
  return { ...upload, copies: [...new Set([...copies, ...others])] };
}
