import { Injectable, Logger } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { Database } from '../database/database.service.js';
import { CommitUnknown } from '../database/commit-unknown.js';
import type { Sql } from '../database/sql.js';
import { currentRequest } from '../observability/request-context.js';
import type { PlacedFile } from '../storage/storage-gateway.service.js';
import { cancelInProgress } from './cancel-in-progress.js';
import { type Acceptance, DeliveryPromises } from './delivery-promises.service.js';
import type { StoredUpload } from './follow-ups/follow-up-intent.js';
import { FollowUps } from './follow-ups/follow-ups.service.js';
import { findTaskOf, isCancelling, type TaskRow } from './ledger/task-rows.js';
import { findUpload } from './ledger/upload-rows.js';
import type { AcceptedFile } from './spool/accepted-file.js';
import { SpoolRoom } from './spool/spool-room.service.js';
import { isGivenUp, type UploadRecord } from './upload-record.js';

/** A file that was stored at once. */
export interface StoredWithoutPromise extends Pick<
  StoredUpload,
  'file' | 'digest' | 'idIsCallers' | 'copies'
> {
  readonly placed: PlacedFile;
  /** Is it to be told from others by what was said of it? That is written down where its element does not remember. */
  readonly isKeyed?: boolean | undefined;
}

/** Takes promises: what is accepted is delivered, or becomes a dead letter that an operator sees. */
@Injectable()
export class Deliveries {
  private readonly logger = new Logger(Deliveries.name);

  constructor(
    private readonly database: Database,
    private readonly promises: DeliveryPromises,
    private readonly spool: SpoolRoom,
    private readonly followUps: FollowUps,
  ) {}

  /**
   * Reserves room for an upload that may have to be kept, until it is released: for what it declares, or else for what
   * has come of it. @throws SPOOL_FULL, QUEUE_UNAVAILABLE
   */
  admit(uploadId: string, declaredBytes: number | undefined, receivedBytes?: number): void {
    this.spool.space.admit(uploadId, declaredBytes, receivedBytes);
  }

  /** Reserves room for bytes that go to the spool in any case, until it is released. @throws SPOOL_FULL, QUEUE_UNAVAILABLE */
  reserve(key: string, bytes: number): void {
    this.spool.space.reserve(key, bytes);
  }

  /** So many bytes of an upload have come. @throws SPOOL_FULL, QUEUE_UNAVAILABLE where one that was admitted fits no more */
  received(uploadId: string, bytes: number): void {
    this.spool.space.received(uploadId, bytes);
  }

  /** An upload is over, admitted or not. What was kept of it has its room all the same. */
  release(uploadId: string): void {
    this.spool.space.release(uploadId);
  }

  /**
   * Keeps a file and promises to deliver it: when this resolves, its bytes and the promise outlive the process. The
   * same file of the same owner again gives the first promise, unless that can come to nothing any more; where what was
   * kept for that is gone, its bytes are kept anew.
   * @throws SPOOL_FULL; CONFLICT when the id is taken by other bytes or another owner; UPLOAD_IN_PROGRESS when the first
   * promise is being cancelled; QUEUE_UNAVAILABLE, when the file is not accepted, or nobody knows whether it is
   */
  async accept(acceptance: Acceptance): Promise<UploadRecord> {
    const { uploadId, digest, body } = acceptance;
    const kept = await this.spool.keep(body, uploadId, digest.size);
    try {
      const record = (await this.promises.make(acceptance, kept)) ?? (await this.again(acceptance, kept));
      if (record.spoolFile !== kept.name) await this.spool.files.removeSoon(kept.name);
      return record;
    } catch (error) {
      // A promise may have been made, and then the file is what was promised: the sweep finds out.
      if (!(error instanceof CommitUnknown)) await this.spool.files.removeSoon(kept.name);
      throw error;
    }
  }

  /**
   * Sees to it that a file which was stored without a promise is registered, where an Admin module is configured, and
   * that what other elements may have of it is removed; and that it is not delivered as well, where another replica has
   * accepted it meanwhile under the caller's id; and that it is known what was said of it first. Tells whether the upload is
   * written down for that.
   * @throws SPOOL_FULL, INTERNAL_ERROR when neither the database nor the spool takes note of one to be registered
   */
  async followUp({ placed, isKeyed = false, ...upload }: StoredWithoutPromise): Promise<boolean> {
    const { target, file } = placed;
    const stored = { target, fileId: file.fileId };
    const uploadId = upload.file.fileId;
    const mustBeNoted =
      (isKeyed && !file.remembered) || (upload.idIsCallers && (await this.mayBePromised(uploadId)));
    return this.followUps.note({ ...upload, uploadId, stored, request: currentRequest() }, mustBeNoted);
  }

  /**
   * The promise of a file that may still be in a spool. Where none is in ours, and there is no other one, the database is
   * not asked; where nothing is known of others yet, it is asked as far as it answers.
   * @throws UPLOAD_IN_PROGRESS while it is being cancelled; QUEUE_UNAVAILABLE
   */
  async promised(uploadId: string): Promise<UploadRecord | undefined> {
    const known = await this.knownOf(uploadId);
    if (!known || isGivenUp(known, new Date()) || !(await this.spool.holds(known))) return undefined;
    await deliveryOf(this.database, known);
    return known;
  }

  /** Without the database, one whose file is there, or may be in another spool, may be. */
  private async mayBePromised(uploadId: string): Promise<boolean> {
    try {
      // What another replica has accepted meanwhile may be delivered by now, and its file gone.
      return (await this.knownOf(uploadId, this.spool.isShared)) !== undefined;
    } catch {
      return true;
    }
  }

  /** One whose file `mayBeGone` is asked for wherever it was. */
  private async knownOf(uploadId: string, mayBeGone = false): Promise<UploadRecord | undefined> {
    if (!(await this.spool.files.hasNone(uploadId)))
      return (await this.find(uploadId)) ?? (await this.afterClearing(uploadId));
    return this.spool.hasOthers === false && !mayBeGone ? undefined : this.findElsewhere(uploadId);
  }

  /** One whose file is not in our spool. @throws QUEUE_UNAVAILABLE, where it is known that there is one */
  private async findElsewhere(uploadId: string): Promise<UploadRecord | undefined> {
    try {
      return await findUpload(this.database, uploadId);
    } catch (error) {
      // Unless other spools were seen, an upload that can be stored at once needs no database.
      if (this.spool.hasOthers) throw error;
      return undefined;
    }
  }

  /** A file that is not there is not asked for. @throws QUEUE_UNAVAILABLE while nobody knows of one that is */
  private async find(uploadId: string): Promise<UploadRecord | undefined> {
    try {
      return await findUpload(this.database, uploadId);
    } catch (error) {
      await this.spool.files.refresh();
      if (this.spool.files.namesOf(uploadId).length > 0) throw error;
      return undefined;
    }
  }

  /** What is not promised gives way. Where another process comes first with that, its promise counts. */
  private async afterClearing(uploadId: string): Promise<UploadRecord | undefined> {
    return (await this.spool.clear(uploadId)) ? undefined : findUpload(this.database, uploadId);
  }

  /** What was promised before, and is sent once more; `kept` are the new bytes. */
  private async again(acceptance: Acceptance, kept: AcceptedFile): Promise<UploadRecord> {
    const known = await findUpload(this.database, acceptance.uploadId);
    if (!known) throw new ServiceError('CONFLICT', 'A file with this id was accepted already.');
    const task = await deliveryOf(this.database, known);
    const isMissing = known.spoolFile !== null && !(await this.spool.holds(known));
    // Without a task, or as a dead letter whose file is gone, it is never delivered.
    const isLost = known.status === 'dead' ? isMissing : known.status !== 'active' && !task;
    if (isGivenUp(known, new Date()) || isLost) return this.promises.makeAnew(acceptance, kept, known);
    const same = sameOf(known, acceptance);
    if (!isMissing) return same;
    this.logger.warn({ upload_id: known.uploadId }, 'an accepted file was missing, and is kept anew');
    return sameOf((await this.promises.replaceFile(known, kept)) ?? known, acceptance);
  }
}

/** The delivery of one that is not stored; it may have none where a commit ended as nobody knows. @throws UPLOAD_IN_PROGRESS */
async function deliveryOf(sql: Sql, { uploadId, status }: UploadRecord): Promise<TaskRow | undefined> {
  if (status === 'active') return undefined;
  const task = await findTaskOf(sql, uploadId, 'delivery');
  if (isCancelling(task)) throw cancelInProgress();
  return task;
}

/** The promise that was made before, where it is for this file. @throws CONFLICT */
function sameOf(known: UploadRecord, { file, digest }: Acceptance): UploadRecord {
  const same =
    known.owner === file.uploadedBy &&
    known.digest.size === digest.size &&
    known.digest.sha256 === digest.sha256;
  if (same) return known;
  throw new ServiceError('CONFLICT', 'A file with this id was accepted already, and it is not this one.');
}
