import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.service.js';
import type { Sql } from '../database/sql.js';
import { DeliverySettings } from './delivery-settings.service.js';
import { DeliveryWorkers } from './delivery-workers.service.js';
import { insertAudit } from '../database/audit-rows.js';
import { endTask, requestCancel } from './ledger/task-ends.js';
import { findEvents } from './ledger/event-rows.js';
import { findPlacements } from './ledger/placement-rows.js';
import { findTaskOf, type TaskRow } from './ledger/task-rows.js';
import { changeUploads, findUpload, findUploads } from './ledger/upload-rows.js';
import { UnfinishedUploads } from './unfinished-uploads.service.js';
import type { UploadEvent, UploadRecord, UploadStatus } from './upload-record.js';

/** What a delivery can still make of it. */
const UNDECIDED = new Set<UploadStatus>(['accepted', 'delivering', 'dead']);

/** How long a cancel waits for a delivery under way to stop, and how often it looks. */
const CANCEL_WAIT_MS = 3_000;
const CANCEL_LOOK_MS = 50;

interface EndedUpload {
  readonly upload: UploadRecord;
  readonly task: TaskRow;
}

/** What is known of uploads that were promised. */
@Injectable()
export class UploadsLedger {
  constructor(
    private readonly database: Database,
    private readonly workers: DeliveryWorkers,
    private readonly settings: DeliverySettings,
    private readonly unfinished: UnfinishedUploads,
  ) {}

  /** The upload; undefined where nothing was promised under the id. @throws QUEUE_UNAVAILABLE */
  async find(uploadId: string): Promise<UploadRecord | undefined> {
    if (!this.database.isUsed()) return undefined;
    return findUpload(this.database, uploadId);
  }

  /** The uploads of these ids that are known, in no order, with one question. @throws QUEUE_UNAVAILABLE */
  async findAll(uploadIds: readonly string[]): Promise<UploadRecord[]> {
    if (!this.database.isUsed()) return [];
    return findUploads(this.database, uploadIds);
  }

  /** What happened to an upload after `sinceRevision`, oldest first. @throws QUEUE_UNAVAILABLE */
  async events(uploadId: string, sinceRevision: number): Promise<UploadEvent[]> {
    if (!this.database.isUsed()) return [];
    return findEvents(this.database, uploadId, sinceRevision);
  }

  /**
   * Gives up an upload that is not stored yet, and tells what became of it: `cancelled`; `active` when it was stored
   * all the same and its element keeps it; or what it was, while a delivery under way has not stopped within three
   * seconds, or an element that may have it does not answer: then it ends as one of the two later.
   * @throws QUEUE_UNAVAILABLE
   */
  async cancel(uploadId: string, who: string): Promise<UploadRecord | undefined> {
    if (!this.database.isUsed()) return undefined;
    const ended = await this.database.transaction((tx) => this.cancelWithin(tx, uploadId, who));
    if (ended) {
      this.unfinished.discardOf(ended.task);
      await this.unfinished.files.removeSoon(ended.upload.spoolFile);
    } else this.workers.hurry(uploadId);
    return this.afterCancel(uploadId);
  }

  /** The upload and its task, when nothing is left to be done but to remove its file. */
  private async cancelWithin(tx: Sql, uploadId: string, who: string): Promise<EndedUpload | undefined> {
    // The task first, as workers do, so that two who change both never wait for each other.
    const task = await findTaskOf(tx, uploadId, 'delivery', true);
    const upload = await findUpload(tx, uploadId, true);
    if (!task || !upload || !UNDECIDED.has(upload.status)) return undefined;
    await insertAudit(tx, { who, action: 'cancel', subject: uploadId, data: { status: upload.status } });
    const isSomewhere = (await findPlacements(tx, [uploadId])).has(uploadId);
    if (task.state !== 'running' && !isSomewhere) {
      await endTask(tx, task.task_id, 'cancelled');
      await changeUploads(tx, [{ uploadId, status: 'cancelled', dropsFile: true }]);
      return { upload, task };
    }
    await requestCancel(tx, task.task_id, this.settings.maxAgeMs);
    return undefined;
  }

  private async afterCancel(uploadId: string): Promise<UploadRecord | undefined> {
    const endMs = this.settings.clock.monotonicMs() + CANCEL_WAIT_MS;
    for (;;) {
      const upload = await this.find(uploadId);
      const decided = !upload || !UNDECIDED.has(upload.status);
      if (decided || this.settings.clock.monotonicMs() >= endMs) return upload;
      await sleep(CANCEL_LOOK_MS);
    }
  }
}
