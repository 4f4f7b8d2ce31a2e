import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { Lane } from './database/queue-names.js';
import type { Sql } from './database/sql.js';
import { DeliverySettings } from './delivery-settings.service.js';
import { DeliveryStore } from './delivery-store.service.js';
import { DeliveryWorkers } from './delivery-workers.service.js';
import { insertAudit } from './ledger/audit-rows.js';
import { endTask, requestCancel } from './ledger/task-ends.js';
import { lockTaskOf, type TaskRow } from './ledger/task-rows.js';
import { changeUpload, findEvents, findUpload, findUploads } from './ledger/upload-rows.js';
import { wakeUpOf } from './queue/wake-up.js';
import { AcceptedFiles } from './spool/accepted-files.service.js';
import type { UploadEvent, UploadRecord, UploadStatus } from './upload-record.js';

/** What a delivery can still make of it. */
const UNDECIDED = new Set<UploadStatus>(['accepted', 'delivering', 'dead']);

/** How long a cancel waits for a delivery under way to stop, and how often it looks. */
const CANCEL_WAIT_MS = 3_000;
const CANCEL_LOOK_MS = 50;

/** What is known of uploads that were promised. */
@Injectable()
export class UploadsLedger {
  private readonly logger = new Logger(UploadsLedger.name);

  constructor(
    private readonly store: DeliveryStore,
    private readonly files: AcceptedFiles,
    private readonly workers: DeliveryWorkers,
    private readonly settings: DeliverySettings,
  ) {}

  /** The upload; undefined where nothing was promised under the id. @throws QUEUE_UNAVAILABLE */
  async find(uploadId: string): Promise<UploadRecord | undefined> {
    if (!this.store.database.isUsed()) return undefined;
    return findUpload(await this.store.database.open(), uploadId);
  }

  /** The uploads of these ids that are known, in no order, with one question. @throws QUEUE_UNAVAILABLE */
  async findAll(uploadIds: readonly string[]): Promise<UploadRecord[]> {
    if (!this.store.database.isUsed()) return [];
    return findUploads(await this.store.database.open(), uploadIds);
  }

  /** What happened to an upload after `sinceRevision`, oldest first. @throws QUEUE_UNAVAILABLE */
  async events(uploadId: string, sinceRevision: number): Promise<UploadEvent[]> {
    if (!this.store.database.isUsed()) return [];
    return findEvents(await this.store.database.open(), uploadId, sinceRevision);
  }

  /**
   * Gives up an upload that is not stored yet, and tells what became of it: `cancelled`; `active` when it was stored
   * all the same and its element keeps it; or what it was, while a delivery under way has not stopped within three
   * seconds, or an element that may have it does not answer: then it ends as one of the two later.
   * @throws QUEUE_UNAVAILABLE
   */
  async cancel(uploadId: string, who: string): Promise<UploadRecord | undefined> {
    if (!this.store.database.isUsed()) return undefined;
    const database = await this.store.database.open();
    const ended = await database.transaction((tx) => this.cancelWithin(tx, uploadId, who));
    if (ended) await this.removeFile(uploadId);
    else this.workers.hurry(uploadId);
    return this.afterCancel(uploadId);
  }

  /** True when nothing is left to be done but to remove the file. */
  private async cancelWithin(tx: Sql, uploadId: string, who: string): Promise<boolean> {
    // The task first, as workers do, so that two who change both never wait for each other.
    const task = await lockTaskOf(tx, uploadId, 'delivery');
    const upload = await findUpload(tx, uploadId, true);
    if (!task || !upload || !UNDECIDED.has(upload.status)) return false;
    const at = this.settings.now();
    await insertAudit(tx, { at, who, action: 'cancel', subject: uploadId, data: { status: upload.status } });
    const idle = task.state !== 'running';
    const certain = task.doubtful_targets.length === 0;
    if (idle && certain) {
      await endTask(tx, task.task_id, 'cancelled', at);
      await this.store.queue.withdraw(tx, task.task_id, this.laneFor(task));
      await changeUpload(tx, uploadId, { status: 'cancelled', dropsFile: true, at });
      return true;
    }
    await requestCancel(tx, task.task_id, at, new Date(at.getTime() + this.settings.maxAgeMs));
    if (idle) {
      await this.store.queue.withdraw(tx, task.task_id, this.laneFor(task));
      const wakeUp = wakeUpOf(task.task_id, task.kind, upload.file.retentionPolicy);
      await this.store.queue.publish(tx, wakeUp, this.laneFor(task), at);
    }
    return false;
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

  /** What is not removed now, the sweep finds: its row promises it no more. */
  private async removeFile(uploadId: string): Promise<void> {
    try {
      await this.files.remove(uploadId);
    } catch (error) {
      this.logger.warn({ err: error, upload_id: uploadId }, 'a cancelled file stays in the spool for now');
    }
  }

  private laneFor({ kind, size }: TaskRow): Lane {
    return this.settings.laneOf(kind, size);
  }
}
