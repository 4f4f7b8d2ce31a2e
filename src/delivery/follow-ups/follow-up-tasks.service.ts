import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import { uuidV7 } from '../../observability/random-ids.js';
import type { Sql } from '../database/sql.js';
import { insertTask } from '../ledger/task-rows.js';
import { DeliveryQueue } from '../queue/delivery-queue.js';
import type { UploadRecord } from '../upload-record.js';

type Followed = Pick<UploadRecord, 'uploadId' | 'digest'>;

/** Writes down what is left to be done for a stored file. */
@Injectable()
export class FollowUpTasks {
  /** Is there an Admin module to register files at? */
  readonly registers: boolean;
  private readonly maxAgeMs: number;

  constructor(
    private readonly queue: DeliveryQueue,
    config: ConfigService<Environment, true>,
  ) {
    this.registers = config.get('ADMIN_URL', { infer: true }) !== undefined;
    this.maxAgeMs = config.get('DELIVERY_MAX_AGE_MS', { infer: true });
  }

  /** The file is to be registered, where there is an Admin module. */
  async addRegistration(tx: Sql, upload: Followed, at: Date): Promise<void> {
    if (this.registers) await this.add(tx, 'registration', upload, { copies: [], at });
  }

  /** What elements have of the file beside the one that said that it has it is to be removed. */
  addRemoval(tx: Sql, upload: Followed, copies: readonly string[], at: Date): Promise<void> {
    return this.add(tx, 'removal', upload, { copies, at });
  }

  private async add(
    tx: Sql,
    kind: 'registration' | 'removal',
    { uploadId, digest: { size } }: Followed,
    { copies, at }: { readonly copies: readonly string[]; readonly at: Date },
  ): Promise<void> {
    const taskId = uuidV7();
    const deadline = new Date(at.getTime() + this.maxAgeMs);
    await insertTask(tx, {
      taskId,
      uploadId,
      kind,
      doubtfulTargets: copies,
      unaskedTargets: [],
      size,
      at,
      deadline,
    });
    await this.queue.publish(tx, { version: 1, task_id: taskId }, kind, at);
  }
}
