import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import { uuidV7 } from '../../observability/random-ids.js';
import type { Sql } from '../database/sql.js';
import { insertTask } from '../ledger/task-rows.js';
import { DeliveryQueue } from '../queue/delivery-queue.js';
import type { UploadRecord } from '../upload-record.js';

/** Writes down that a stored file is still to be registered, where there is an Admin module to register it at. */
@Injectable()
export class FollowUpTasks {
  /** Is there an Admin module? */
  readonly wanted: boolean;
  private readonly maxAgeMs: number;

  constructor(
    private readonly queue: DeliveryQueue,
    config: ConfigService<Environment, true>,
  ) {
    this.wanted = config.get('ADMIN_URL', { infer: true }) !== undefined;
    this.maxAgeMs = config.get('DELIVERY_MAX_AGE_MS', { infer: true });
  }

  async add(
    tx: Sql,
    { uploadId, digest }: Pick<UploadRecord, 'uploadId' | 'digest'>,
    at: Date,
  ): Promise<void> {
    if (!this.wanted) return;
    const taskId = uuidV7();
    await insertTask(tx, {
      taskId,
      uploadId,
      kind: 'registration',
      doubtfulTargets: [],
      unaskedTargets: [],
      size: digest.size,
      at,
      deadline: new Date(at.getTime() + this.maxAgeMs),
    });
    await this.queue.publish(tx, { version: 1, task_id: taskId }, 'registration', at);
  }
}
