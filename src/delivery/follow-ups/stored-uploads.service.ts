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
import type { NewPlacement } from '../placement.js';
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
    const { uploadId } = upload;
    await this.database.transaction(async (tx) => {
      const isNew = (await insertUploads(tx, [rowOf(upload)])).size > 0;
      if (isNew) await insertFirstEvents(tx, [rowOf(upload)]);
      const copies = isNew ? copiesOf(upload) : await this.takePlace(tx, upload);
      if (!copies) return;
      // The task first, as workers do.
      await this.tasks.add(tx, [{ uploadId, hasCopies: copies.length > 0 }]);
      await insertPlacements(tx, [{ uploadId, placements: copies }]);
    });
    this.tasks.wake();
  }

  /**
   * For an upload that has a row. Its lock keeps two from adding a task each. Gives where else the file may be; undefined
   * where it is left to its delivery, and is followed up after that.
   */
  private async takePlace(tx: Sql, upload: StoredUpload): Promise<readonly NewPlacement[] | undefined> {
    const { uploadId, file } = upload;
    const delivery = await findTaskOf(tx, uploadId, 'delivery', true);
    const known = await findUpload(tx, uploadId, true);
    if (!known) return undefined;
    const isDead = known.status === 'dead' && delivery?.state === 'dead' && isSame(known, upload);
    // What was to be delivered once came after all.
    if (isDead || isGivenUp(known, file.uploadedAt) || (await this.isLost(known, delivery, upload)))
      return this.renewed(tx, upload);
    return known.status === 'active' ? this.newCopies(tx, upload, known.storedAt) : undefined;
  }

  /** Where the former one may be, this one may be as well. */
  private async renewed(tx: Sql, upload: StoredUpload): Promise<readonly NewPlacement[]> {
    const { uploadId, stored } = upload;
    await renewUpload(tx, rowOf(upload));
    await deletePlacements(tx, [{ uploadId, target: stored.target }]);
    const left = (await findPlacements(tx, [uploadId])).get(uploadId) ?? [];
    const former = left
      .filter(({ sent }) => sent)
      .map(({ target, sent, unverified, lastByteAt }) => {
        return { target, sent, unverified, answered: lastByteAt === 0 };
      });
    const copies = copiesOf(upload);
    return [...former.filter(({ target }) => !copies.some((copy) => copy.target === target)), ...copies];
  }

  /** What is known already, a removal is at work on, or has become a dead letter of. */
  private async newCopies(
    tx: Sql,
    upload: StoredUpload,
    storedAt: string | null,
  ): Promise<readonly NewPlacement[]> {
    const known = (await findPlacements(tx, [upload.uploadId])).get(upload.uploadId) ?? [];
    const sentNow = new Set(upload.copies.map(({ target }) => target));
    return copiesOf(upload, storedAt).filter(
      ({ target }) => sentNow.has(target) || !known.some((placement) => placement.target === target),
    );
  }

  /** Is it this very file that is still to be delivered, and is not there to be? No delivery comes to follow it up. */
  private async isLost(
    known: UploadRecord,
    delivery: TaskRow | undefined,
    upload: StoredUpload,
  ): Promise<boolean> {
    const isOpen = delivery?.state === 'waiting' || delivery?.state === 'running';
    if (!isOpen || !isSame(known, upload) || isCancelling(delivery) || known.spoolFile === null) return false;
    return known.spoolId === (await this.replicas.spoolId()) && !(await this.files.has(known.spoolFile));
  }
}

function rowOf(upload: StoredUpload): NewUpload {
  return { ...upload, status: 'active', spoolFile: null, spoolId: null, request: upload.request };
}

/** Is it the same file of the same owner? */
function isSame({ owner, digest }: UploadRecord, upload: StoredUpload): boolean {
  return owner === upload.file.uploadedBy && digest.sha256 === upload.digest.sha256;
}

/** Where else the file may be than where the row says, or will say, that it is stored. */
function copiesOf({ stored, copies }: StoredUpload, storedAt: string | null = stored.target): NewPlacement[] {
  const here = { target: stored.target, sent: true, unverified: false, answered: true };
  return [here, ...copies.filter(({ target }) => target !== here.target)].filter(
    ({ target }) => target !== storedAt,
  );
}
