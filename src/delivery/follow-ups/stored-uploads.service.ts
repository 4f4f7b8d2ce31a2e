import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.service.js';
import type { Sql } from '../../database/sql.js';
import { deletePlacements, findPlacements, insertPlacements } from '../ledger/placement-rows.js';
import { findTaskOf, isCancelling, type TaskRow } from '../ledger/task-rows.js';
import {
  findUpload,
  insertFirstEvents,
  insertUploads,
  type NewUpload,
  renewUpload,
} from '../ledger/upload-rows.js';
import type { Placement } from '../placement.js';
import { Replicas } from '../../replicas/replicas.service.js';
import { AcceptedFiles } from '../spool/accepted-files.service.js';
import { isGivenUp, type UploadRecord } from '../upload-record.js';
import type { StoredUpload } from './follow-up-intent.js';
import { FollowUpTasks } from './follow-up-tasks.service.js';

/** Writes uploads that were stored without a promise into the database. */
@Injectable()
export class StoredUploads {
  constructor(
    private readonly database: Database,
    private readonly tasks: FollowUpTasks,
    private readonly files: AcceptedFiles,
    private readonly replicas: Replicas,
  ) {}

  /** The upload, and what is left to be done for it. May be repeated. @throws QUEUE_UNAVAILABLE, and what the database says */
  async write(upload: StoredUpload): Promise<void> {
    const { uploadId, stored } = upload;
    const copies = upload.copies.filter(({ target }) => target !== stored.target);
    await this.database.transaction(async (tx) => {
      const isNew = (await insertUploads(tx, [rowOf(upload)])).size > 0;
      if (isNew) await insertFirstEvents(tx, [rowOf(upload)]);
      const elsewhere = isNew ? [] : await this.takePlace(tx, upload);
      if (!elsewhere) return;
      await this.tasks.add(tx, [{ uploadId, hasCopies: copies.length + elsewhere.length > 0 }]);
      await insertPlacements(
        tx,
        copies.map(({ target, sent, unverified, answered }) => {
          return { uploadId, target, sent, unverified, answered };
        }),
      );
    });
    this.tasks.wake();
  }

  /**
   * For an upload that has a row. Its lock keeps two from adding a task each. Gives where else it was said before that the
   * file may be; undefined where it is left to its delivery, and is followed up after that.
   */
  private async takePlace(tx: Sql, upload: StoredUpload): Promise<readonly Placement[] | undefined> {
    const { uploadId, file, stored } = upload;
    // The task first, as workers do.
    const delivery = await findTaskOf(tx, uploadId, 'delivery', true);
    const known = await findUpload(tx, uploadId, true);
    if (!known) return undefined;
    const isDead = known.status === 'dead' && delivery?.state === 'dead';
    // What was to be delivered once came after all.
    if (isDead || isGivenUp(known, file.uploadedAt) || (await this.isLost(known, delivery, upload))) {
      await renewUpload(tx, rowOf(upload));
      await deletePlacements(tx, [{ uploadId, target: stored.target }]);
      return (await findPlacements(tx, [uploadId])).get(uploadId) ?? [];
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
    return known.spoolId === (await this.replicas.spoolId()) && !(await this.files.has(known.spoolFile));
  }
}

function rowOf(upload: StoredUpload): NewUpload {
  return { ...upload, status: 'active', spoolFile: null, spoolId: null, request: upload.request };
}
