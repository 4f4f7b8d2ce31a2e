import { Injectable, Logger } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { Database } from '../database/database.service.js';
import { CommitUnknown } from '../database/commit-unknown.js';
import { GroupCommit } from '../database/group-commit.js';
import type { Sql } from '../database/sql.js';
import { uuidV7 } from '../observability/random-ids.js';
import { currentRequest } from '../observability/request-context.js';
import type { DurableBody } from '../resilience/body-source.js';
import type { ContentDigest, FileDescription } from '../storage/storage-element.js';
import type { PlacedFile } from '../storage/storage-gateway.service.js';
import { DeliverySettings } from './delivery-settings.service.js';
import { FollowUps } from './follow-ups/follow-ups.service.js';
import type { Lane } from './lanes.js';
import { findPlacements, insertPlacements } from './ledger/placement-rows.js';
import { lockPromises } from './ledger/promise-lock.js';
import { findTaskOf, insertTasks, isCancelling, type NewTask } from './ledger/task-rows.js';
import { findUpload, findUploads, insertUploads, type NewUpload, renewUpload } from './ledger/upload-rows.js';
import type { KeptFile } from './spool/accepted-files.service.js';
import { SpoolRoom } from './spool/spool-room.service.js';
import { isGivenUp, type UploadRecord } from './upload-record.js';
import { WakeUps } from './wake-ups.service.js';

/** A file that has come as a whole and was checked, and is to be delivered later. */
export interface Acceptance {
  readonly uploadId: string;
  readonly file: FileDescription;
  readonly digest: ContentDigest;
  readonly body: DurableBody;
  /** Where the file may be by now, although no answer said so. */
  readonly doubtfulTargets: readonly string[];
  /** Where a file of this id may have been before; they are asked before anything is sent. */
  readonly unaskedTargets: readonly string[];
}

const RETRY_AFTER_MS = 5_000;

/** Uploads that are promised by one transaction. */
const MOST_PROMISES = 64;

/** A promise that is to be made. */
interface NewPromise {
  readonly acceptance: Acceptance;
  readonly kept: KeptFile;
  readonly upload: NewUpload;
}

/** What a promise is made on. */
interface Basis {
  /** What was kept for it. */
  readonly kept: KeptFile;
  /** The upload of no use in whose place it comes. */
  readonly known: UploadRecord | undefined;
}

/** Takes promises: what is accepted is delivered, or becomes a dead letter that an operator sees. */
@Injectable()
export class Deliveries {
  private readonly logger = new Logger(Deliveries.name);
  private readonly promises: GroupCommit<NewPromise, UploadRecord | undefined>;

  constructor(
    private readonly database: Database,
    private readonly spool: SpoolRoom,
    private readonly followUps: FollowUps,
    private readonly wakeUps: WakeUps,
    private readonly settings: DeliverySettings,
  ) {
    this.promises = new GroupCommit({
      maxItems: MOST_PROMISES,
      maxAtOnce: database.groupsAtOnce,
      commit: (promises) => this.write(promises),
    });
  }

  /** Says no before a body of so many bytes is read; undefined where the size is not known. @throws SPOOL_FULL, QUEUE_UNAVAILABLE */
  admit(bytes: number | undefined): void {
    this.spool.space.admit(bytes).release();
  }

  /**
   * Keeps a file and promises to deliver it: when this resolves, its bytes and the promise outlive the process. The
   * same file of the same owner again gives the first promise, unless that can come to nothing any more; where what was
   * kept for that is gone, its bytes are kept anew.
   * @throws SPOOL_FULL; CONFLICT when the id is taken by other bytes or another owner; UPLOAD_IN_PROGRESS when another
   * process is at it, or the first promise is being cancelled; QUEUE_UNAVAILABLE, when the file is not accepted, or
   * nobody knows whether it is, or the spool holds files of another database
   */
  async accept(acceptance: Acceptance): Promise<UploadRecord> {
    const { uploadId, digest, body } = acceptance;
    // Before the bytes are written: without a database they would be removed again.
    const known = await findUpload(this.database, uploadId);
    if (known) await refuseCancelling(this.database, known);
    if (known && !(await this.isUseless(known))) return this.again(acceptance, known);
    const kept = await this.spool.keep(body, uploadId, digest.size);
    return this.promise(acceptance, { kept, known });
  }

  /**
   * Sees to it that a file which was stored without a promise is registered, where an Admin module is configured, and
   * that what other elements may have of it is removed. Tells whether the upload is written down for that.
   * @throws SPOOL_FULL, INTERNAL_ERROR when neither the database nor the spool takes note of one to be registered
   */
  async followUp(
    file: FileDescription,
    digest: ContentDigest,
    { target, file: { fileId } }: PlacedFile,
    copies: readonly string[] = [],
  ): Promise<boolean> {
    return this.followUps.note({ uploadId: file.fileId, file, digest, stored: { target, fileId }, copies });
  }

  /**
   * The promise of a file that is still in the spool. Where none is there, the database is not asked.
   * What nobody is promised, as of a process that was killed, is removed.
   * @throws UPLOAD_IN_PROGRESS while it is being cancelled, or another process is just promising the file; QUEUE_UNAVAILABLE
   */
  async promised(uploadId: string): Promise<UploadRecord | undefined> {
    if (!(await this.spool.files.has(uploadId))) return undefined;
    const known = await findUpload(this.database, uploadId);
    if (!known || isGivenUp(known, this.settings.now())) {
      if (await this.spool.clear(uploadId)) return undefined;
      throw inProgress('An upload of this id is being accepted already.');
    }
    await refuseCancelling(this.database, known);
    return known;
  }

  /** Can nothing come of a promise any more but its receipt? A dead letter whose file is gone cannot be delivered. */
  private async isUseless(known: UploadRecord): Promise<boolean> {
    if (isGivenUp(known, this.settings.now())) return true;
    return known.status === 'dead' && !(await this.spool.files.has(known.uploadId));
  }

  /** What was promised before, of which the bytes are here once more. */
  private async again(acceptance: Acceptance, known: UploadRecord): Promise<UploadRecord> {
    const { uploadId, digest, body } = acceptance;
    const same = sameOf(known, acceptance);
    if (same.spoolFile === null || (await this.spool.files.has(uploadId))) return same;
    this.logger.warn({ upload_id: uploadId }, 'an accepted file was missing, and is kept anew');
    const kept = await this.spool.keep(body, uploadId, digest.size);
    const now = await this.database.transaction(async (tx) => {
      await this.seeInPlace(tx, [kept]);
      return findUpload(tx, uploadId);
    });
    // Delivered or given up meanwhile, as by a process that had the file open.
    if (now?.spoolFile !== same.spoolFile) await this.discard(kept);
    return sameOf(now ?? known, acceptance);
  }

  private async promise(acceptance: Acceptance, { kept, known }: Basis): Promise<UploadRecord> {
    const { uploadId, file, digest } = acceptance;
    const upload = {
      uploadId,
      status: 'accepted',
      file,
      digest,
      spoolFile: kept.name,
      request: currentRequest(),
    } as const;
    const promise = { acceptance, kept, upload };
    try {
      const record = (await this.promises.add(promise)) ?? (await this.takeOver(promise, known));
      this.wakeUps.wake([this.laneOf(acceptance)]);
      return record;
    } catch (error) {
      // A promise may have been made, and then the file is what was promised: the sweep finds out.
      if (!(error instanceof CommitUnknown)) await this.discard(kept);
      throw error;
    }
  }

  /** Promises what is new; undefined for what has an id that is taken. */
  private write(promises: readonly NewPromise[]): Promise<(UploadRecord | undefined)[]> {
    return this.database.transaction(async (tx) => {
      await this.seeInPlace(
        tx,
        promises.map(({ kept }) => kept),
      );
      const inserted = await insertUploads(
        tx,
        promises.map(({ upload }) => upload),
      );
      const made = promises.filter(({ upload }) => inserted.has(upload.uploadId));
      await this.addTasks(
        tx,
        made.map(({ acceptance }) => acceptance),
      );
      const records = await findUploads(tx, [...inserted]);
      const byId = new Map(records.map((record) => [record.uploadId, record]));
      return promises.map(({ upload }) => byId.get(upload.uploadId));
    });
  }

  /**
   * Writes a new upload in the place of one of its id and owner that is of no use any more, as `known` was seen to be.
   * @throws CONFLICT where the id is taken
   */
  private takeOver(
    { acceptance, kept, upload }: NewPromise,
    known: UploadRecord | undefined,
  ): Promise<UploadRecord> {
    const { uploadId } = upload;
    return this.database.transaction(async (tx) => {
      await this.seeInPlace(tx, [kept]);
      const task = await findTaskOf(tx, uploadId, 'delivery', true);
      const old = await findUpload(tx, uploadId, true);
      const isTaken =
        old?.owner !== upload.file.uploadedBy || old.revision !== known?.revision || isCancelling(task);
      if (isTaken) throw new ServiceError('CONFLICT', 'A file with this id was accepted already.');
      const before = (await findPlacements(tx, [uploadId])).get(uploadId);
      await renewUpload(tx, upload);
      // Where a file of the former one may be, this one may be as well.
      const doubtfulTargets = [...new Set([...(before?.sent ?? []), ...acceptance.doubtfulTargets])];
      await this.addTasks(tx, [{ ...acceptance, doubtfulTargets }]);
      const record = await findUpload(tx, uploadId);
      if (!record) throw new Error(`The row of ${uploadId} is gone in its own transaction`);
      return record;
    });
  }

  /** From here on nobody removes what was kept before the transaction is over. @throws QUEUE_UNAVAILABLE where somebody has */
  private async seeInPlace(tx: Sql, kept: readonly KeptFile[]): Promise<void> {
    await lockPromises(
      tx,
      this.database.backend,
      kept.map(({ uploadId }) => uploadId),
    );
    const inPlace = await Promise.all(kept.map((file) => this.spool.files.holds(file)));
    if (inPlace.every(Boolean)) return;
    // None of ours, so that the others of the group are promised each for itself.
    if (kept.length > 1) throw new Error('A kept file was removed before it could be promised');
    throw new ServiceError('QUEUE_UNAVAILABLE', 'The kept file was removed before it could be promised.', {
      retryAfterMs: RETRY_AFTER_MS,
    });
  }

  private async addTasks(tx: Sql, acceptances: readonly Acceptance[]): Promise<void> {
    const { maxAgeMs } = this.settings;
    await insertTasks(
      tx,
      acceptances.map((acceptance) => {
        const { uploadId } = acceptance;
        const placed = placedOf(acceptance);
        return {
          taskId: uuidV7(),
          uploadId,
          kind: 'delivery',
          lane: this.laneOf(acceptance),
          placed,
          maxAgeMs,
        };
      }),
    );
    await insertPlacements(
      tx,
      acceptances.map(({ uploadId, doubtfulTargets: sent, unaskedTargets: unverified }) => {
        return { uploadId, sent, unverified };
      }),
    );
  }

  private laneOf({ digest, file }: Acceptance): Lane {
    return this.settings.laneOf('delivery', digest.size, file.retentionPolicy);
  }

  private async discard(kept: KeptFile): Promise<void> {
    try {
      await this.spool.files.discard(kept);
    } catch (error) {
      this.logger.warn(
        { err: error, upload_id: kept.uploadId },
        'a file without a promise stays behind for now',
      );
    }
  }
}

function placedOf({ doubtfulTargets, unaskedTargets }: Acceptance): NewTask['placed'] {
  if (doubtfulTargets.length > 0) return 'sent';
  return unaskedTargets.length > 0 ? 'unverified' : 'nowhere';
}

/** A client who is told that his file is safe must not lose it to a cancel that came before. @throws UPLOAD_IN_PROGRESS */
async function refuseCancelling(sql: Sql, { uploadId, status }: UploadRecord): Promise<void> {
  if (status === 'active' || !isCancelling(await findTaskOf(sql, uploadId, 'delivery'))) return;
  throw inProgress('The upload of this id is just being cancelled.');
}

function inProgress(detail: string): ServiceError {
  return new ServiceError('UPLOAD_IN_PROGRESS', detail, { retryAfterMs: RETRY_AFTER_MS });
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
