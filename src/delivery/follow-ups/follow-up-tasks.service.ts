import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import type { Sql } from '../../database/sql.js';
import { uuidV7 } from '../../observability/random-ids.js';
import { insertPlacements } from '../ledger/placement-rows.js';
import { insertTasks } from '../ledger/task-rows.js';
import type { UploadRecord } from '../upload-record.js';
import { WakeUps } from '../wake-ups.service.js';

type Followed = Pick<UploadRecord, 'uploadId'>;

/** Writes down what is left to be done for stored files. */
@Injectable()
export class FollowUpTasks {
  /** Is there an Admin module to register files at? */
  readonly registers: boolean;
  private readonly maxAgeMs: number;

  constructor(
    private readonly wakeUps: WakeUps,
    config: ConfigService<Environment, true>,
  ) {
    this.registers = config.get('ADMIN_URL', { infer: true }) !== undefined;
    this.maxAgeMs = config.get('DELIVERY_MAX_AGE_MS', { infer: true });
  }

  /** Files are to be registered, where there is an Admin module. */
  async addRegistrations(tx: Sql, uploads: readonly Followed[]): Promise<void> {
    if (!this.registers) return;
    const { maxAgeMs } = this;
    await insertTasks(
      tx,
      uploads.map(({ uploadId }) => {
        const taskId = uuidV7();
        return { taskId, uploadId, kind: 'registration', lane: 'registration', placed: 'nowhere', maxAgeMs };
      }),
    );
  }

  /** What elements have of the file beside the one that said that it has it is to be removed. */
  async addRemoval(tx: Sql, { uploadId }: Followed, copies: readonly string[]): Promise<void> {
    const { maxAgeMs } = this;
    const task = {
      taskId: uuidV7(),
      uploadId,
      kind: 'removal',
      lane: 'removal',
      placed: 'sent',
      maxAgeMs,
    } as const;
    await insertTasks(tx, [task]);
    await insertPlacements(tx, [{ uploadId, sent: copies, unverified: [] }]);
  }

  /** What was added is committed. */
  wake(): void {
    this.wakeUps.wake(this.registers ? ['registration', 'removal'] : ['removal']);
  }
}
