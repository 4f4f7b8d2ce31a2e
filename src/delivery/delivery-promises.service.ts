import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.service.js';
import type { GroupCommit } from '../database/group-commit.js';
import type { Sql, TransactionSql } from '../database/sql.js';
import { ServiceError } from '../errors/service-error.js';
import { uuidV7 } from '../observability/random-ids.js';
import { currentRequest } from '../observability/request-context.js';
import type { DurableBody } from '../body/body-source.js';
import { Replicas } from '../replicas/replicas.service.js';
import type { ContentDigest, FileDescription } from '../storage/storage-element.js';
import { DeliverySettings } from './delivery-settings.service.js';
import type { DeliveryLane } from './lanes.js';
import { findPlacements, insertPlacements } from './ledger/placement-rows.js';
import { insertSpoolFiles } from './ledger/spool-file-rows.js';
import { findTaskOf, insertTasks, isCancelling } from './ledger/task-rows.js';
import {
  findUpload,
  insertFirstEvents,
  insertUploads,
  type NewUpload,
  renewUpload,
  replaceSpoolFile,
} from './ledger/upload-rows.js';
import type { NewPlacement } from './placement.js';
import type { AcceptedFile } from './spool/accepted-file.js';
import type { UploadRecord } from './upload-record.js';
import { WakeUps } from './wake-ups.service.js';

/** A file that has come as a whole and was checked, and is to be delivered later. */
export interface Acceptance {
  readonly uploadId: string;
  readonly file: FileDescription;
  readonly digest: ContentDigest;
  readonly body: DurableBody;
  /** Did the caller choose the id? Then other clients may have sent files under it. */
  readonly idIsCallers: boolean;
  /** Where the file may be by now; that is asked before it is sent. */
  readonly placements: readonly NewPlacement[];
}

/** A promise that is to be made. */
interface NewPromise {
  readonly acceptance: Acceptance;
  readonly kept: AcceptedFile;
  readonly upload: NewUpload;
}

const RETRY_AFTER_MS = 5_000;

/** Writes promises down: those that come while others are being committed share the next transaction. */
@Injectable()
export class DeliveryPromises {
  private readonly group: GroupCommit<NewPromise, UploadRecord | undefined>;

  constructor(
    private readonly database: Database,
    private readonly wakeUps: WakeUps,
    private readonly settings: DeliverySettings,
    private readonly replicas: Replicas,
  ) {
    this.group = database.groupCommit((tx, promises) => this.write(tx, promises));
  }

  /**
   * Promises to deliver what was kept. Undefined, and nothing is promised, where the id is taken.
   * @throws QUEUE_UNAVAILABLE, CommitUnknown
   */
  async make(acceptance: Acceptance, kept: AcceptedFile): Promise<UploadRecord | undefined> {
    const promise = await this.newPromise(acceptance, kept);
    return this.woken(acceptance, this.group.add(promise));
  }

  /**
   * The same in the place of `known`, an upload of its id and owner that is of no use any more.
   * @throws CONFLICT where the id is taken all the same; QUEUE_UNAVAILABLE, CommitUnknown
   */
  async makeAnew(acceptance: Acceptance, kept: AcceptedFile, known: UploadRecord): Promise<UploadRecord> {
    const promise = await this.newPromise(acceptance, kept);
    return this.woken(acceptance, this.takeOver(promise, known));
  }

  private async newPromise(acceptance: Acceptance, kept: AcceptedFile): Promise<NewPromise> {
    const { uploadId, idIsCallers, file, digest } = acceptance;
    const spoolId = await this.replicas.spoolId();
    const kind = { status: 'accepted', request: currentRequest() } as const;
    const upload = { uploadId, idIsCallers, file, digest, spoolFile: kept.name, spoolId, ...kind };
    return { acceptance, kept, upload };
  }

  private async woken<T>(acceptance: Acceptance, made: Promise<T>): Promise<T> {
    const record = await made;
    this.wakeUps.wake([this.laneOf(acceptance)]);
    return record;
  }

  /** Promises an upload with a file that was kept anew, in the place of one that is missing. */
  replaceFile({ uploadId, spoolFile }: UploadRecord, kept: AcceptedFile): Promise<UploadRecord | undefined> {
    return this.database.transaction(async (tx) => {
      const change = { former: spoolFile ?? '', now: kept.name };
      if (await replaceSpoolFile(tx, uploadId, change)) await promiseFile(tx, kept);
      return findUpload(tx, uploadId);
    });
  }

  /** Promises what is new; undefined for what has an id that is taken. */
  private async write(
    tx: TransactionSql,
    given: readonly NewPromise[],
  ): Promise<(UploadRecord | undefined)[]> {
    // In one order, so that two groups with ids in common never wait for each other.
    const promises = given.toSorted((one, other) => (one.upload.uploadId < other.upload.uploadId ? -1 : 1));
    const [inserted, promised] = await Promise.all([
      insertUploads(
        tx,
        promises.map(({ upload }) => upload),
      ),
      insertSpoolFiles(
        tx,
        promises.map(({ kept }) => kept),
      ),
    ]);
    const made = promises.filter(({ upload }) => inserted.has(upload.uploadId));
    requirePromised(
      made.map(({ kept }) => kept),
      promised,
    );
    const others = Promise.all([
      insertFirstEvents(
        tx,
        made.map(({ upload }) => upload),
      ),
      this.addTasks(tx, made),
    ]);
    await tx.last(others);
    return given.map(({ upload }) => inserted.get(upload.uploadId));
  }

  /**
   * Writes a new upload in the place of one of its id and owner that is of no use any more, as `known` was seen to be.
   * @throws CONFLICT where the id is taken
   */
  private takeOver({ acceptance, kept, upload }: NewPromise, known: UploadRecord): Promise<UploadRecord> {
    const { uploadId } = upload;
    return this.database.transaction(async (tx) => {
      const task = await findTaskOf(tx, uploadId, 'delivery', true);
      const old = await findUpload(tx, uploadId, true);
      const isTaken =
        old?.owner !== upload.file.uploadedBy || old.revision !== known.revision || isCancelling(task);
      if (isTaken) throw new ServiceError('CONFLICT', 'A file with this id was accepted already.');
      // Where a file of the former one may be, this one may be as well: its placements stay.
      const before = await findPlacements(tx, [uploadId]);
      await renewUpload(tx, upload);
      await promiseFile(tx, kept);
      await this.addTasks(tx, [{ acceptance, kept, upload }], before.has(uploadId));
      const record = await findUpload(tx, uploadId);
      if (!record) throw new Error(`The row of ${uploadId} is gone in its own transaction`);
      return record;
    });
  }

  private async addTasks(tx: Sql, promises: readonly NewPromise[], inDoubt = false): Promise<void> {
    const { maxAgeMs } = this.settings;
    const tasks = insertTasks(
      tx,
      promises.map(({ acceptance, upload: { spoolId } }) => {
        const { uploadId, placements } = acceptance;
        return {
          taskId: uuidV7(),
          uploadId,
          kind: 'delivery',
          lane: this.laneOf(acceptance),
          spoolId: spoolId ?? '',
          inDoubt: inDoubt || placements.length > 0,
          maxAgeMs,
        };
      }),
    );
    const placed = insertPlacements(
      tx,
      promises.map(({ acceptance }) => acceptance),
    );
    await Promise.all([tasks, placed]);
  }

  private laneOf({ digest, file }: Acceptance): DeliveryLane {
    return this.settings.laneOf(digest.size, file.retentionPolicy);
  }
}

/** @throws QUEUE_UNAVAILABLE where the file is being removed */
async function promiseFile(tx: Sql, kept: AcceptedFile): Promise<void> {
  requirePromised([kept], await insertSpoolFiles(tx, [kept]));
}

/** @throws QUEUE_UNAVAILABLE for one whose file is being removed, since it was kept so long ago */
function requirePromised(kept: readonly AcceptedFile[], promised: ReadonlySet<string>): void {
  if (kept.every(({ name }) => promised.has(name))) return;
  // None of ours, so that the others of the group are promised each for itself.
  if (kept.length > 1) throw new Error('A kept file was removed before it could be promised');
  throw new ServiceError('QUEUE_UNAVAILABLE', 'The kept file was removed before it could be promised.', {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
