import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.service.js';
import type { Sql } from '../../database/sql.js';
import { deletePlacements, endSending, findPlacements, insertPlacements } from '../ledger/placement-rows.js';
import { findTaskOf, isCancelling, type TaskRow } from '../ledger/task-rows.js';
import {
  findUpload,
  insertFirstEvents,
  insertUploads,
  type NewUpload,
  renewUpload,
} from '../ledger/upload-rows.js';
import type { NewPlacement } from '../placement.js';
import { cancelInProgress } from '../cancel-in-progress.js';
import { isGivenUp, type UploadRecord } from '../upload-record.js';
import type { StoredUpload } from './follow-up-intent.js';
import { FollowUpTasks } from './follow-up-tasks.service.js';

/** Writes uploads that were stored without a promise into the database. */
@Injectable()
export class StoredUploads {
  constructor(
    private readonly database: Database,
    private readonly tasks: FollowUpTasks,
  ) {}

  /**
   * The upload, and what is left to be done for it. May be repeated. One that `isLate` was stored a while ago, and may be gone.
   * @throws UPLOAD_IN_PROGRESS while its delivery is being cancelled; QUEUE_UNAVAILABLE, and what the database says
   */
  async write(upload: StoredUpload, isLate = false): Promise<void> {
    const { uploadId } = upload;
    await this.database.transaction(async (tx) => {
      const isNew = (await insertUploads(tx, [rowOf(upload)])).size > 0;
      if (isNew) await insertFirstEvents(tx, [rowOf(upload)]);
      const copies = isNew
        ? { left: false, placements: copiesOf(upload) }
        : await takePlace(tx, upload, isLate);
      if (!copies) return;
      // The task first, as workers do.
      const hasCopies = copies.left || copies.placements.length > 0;
      await this.tasks.add(tx, [{ uploadId, hasCopies }]);
      await insertPlacements(tx, [{ uploadId, placements: copies.placements }]);
    });
    this.tasks.wake();
  }
}

/** Where else than where it is stored a file may be. */
interface Copies {
  readonly placements: readonly NewPlacement[];
  /** Did a former upload of the id leave some that have rows? */
  readonly left: boolean;
}

/**
 * For an upload that has a row. Its lock keeps two from adding a task each. Undefined where it is left to its delivery, and
 * is followed up after that.
 */
async function takePlace(tx: Sql, upload: StoredUpload, isLate: boolean): Promise<Copies | undefined> {
  const { uploadId, file } = upload;
  const delivery = await findTaskOf(tx, uploadId, 'delivery', true);
  const known = await findUpload(tx, uploadId, true);
  if (!known) return undefined;
  if (isGivenUp(known, file.uploadedAt)) return takeOver(tx, upload, delivery);
  if (known.status === 'active') return newCopies(tx, upload, known.storedAt);
  // What was to be delivered came to its element in another way.
  return isSame(known, upload) ? takeUndelivered(tx, upload, delivery, isLate) : undefined;
}

/** A delivery that asks by itself what has become of a file is left to that. @throws UPLOAD_IN_PROGRESS */
async function takeUndelivered(
  tx: Sql,
  upload: StoredUpload,
  delivery: TaskRow | undefined,
  isLate: boolean,
): Promise<Copies | undefined> {
  const { uploadId } = upload;
  if (isCancelling(delivery)) throw cancelInProgress();
  if (!isLate || delivery?.state === 'dead') return takeOver(tx, upload, delivery);
  await insertPlacements(tx, [{ uploadId, placements: copiesOf(upload, null) }]);
  return undefined;
}

/** Where the former one may be, this one may be as well; who was sending it had time for that until his lease ended. */
async function takeOver(tx: Sql, upload: StoredUpload, delivery: TaskRow | undefined): Promise<Copies> {
  const { uploadId, stored } = upload;
  await renewUpload(tx, rowOf(upload));
  await deletePlacements(tx, [{ uploadId, target: stored.target }]);
  if (delivery?.state === 'running') await endSending(tx, uploadId, delivery.due_at);
  const left = (await findPlacements(tx, [uploadId])).has(uploadId);
  return { left, placements: copiesOf(upload) };
}

/** What is known already, a removal is at work on, or has become a dead letter of. */
async function newCopies(tx: Sql, upload: StoredUpload, storedAt: string | null): Promise<Copies> {
  const known = (await findPlacements(tx, [upload.uploadId])).get(upload.uploadId) ?? [];
  const sentNow = new Set(upload.copies.map(({ target }) => target));
  const placements = copiesOf(upload, storedAt).filter(
    ({ target }) => sentNow.has(target) || !known.some((placement) => placement.target === target),
  );
  return { left: false, placements };
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
  const here = { target: stored.target, unverified: false, answered: true };
  return [here, ...copies.filter(({ target }) => target !== here.target)].filter(
    ({ target }) => target !== storedAt,
  );
}
