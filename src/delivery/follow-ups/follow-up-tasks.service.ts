import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import type { Sql } from '../../database/sql.js';
import { uuidV7 } from '../../observability/random-ids.js';
import { insertTasks, type NewTask, reopenTasks } from '../ledger/task-rows.js';
import { WakeUps } from '../wake-ups.service.js';

/** A stored file; `hasCopies`: other elements may have it as well. */
export interface FollowedUpload {
  readonly uploadId: string;
  readonly hasCopies: boolean;
}

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

  /**
   * Stored files are to be registered, where there is an Admin module, and their copies are to be removed. May be repeated:
   * what is registered, or about to be, is left; copies are looked for anew, and are written down after this, so that a
   * removal that is just ending sees them or is begun again.
   */
  async add(tx: Sql, uploads: readonly FollowedUpload[]): Promise<void> {
    const registered = this.registers ? uploads : [];
    const copied = uploads.filter(({ hasCopies }) => hasCopies);
    await Promise.all([
      insertTasks(
        tx,
        registered.map(({ uploadId }) => this.taskOf(uploadId, 'registration')),
      ),
      this.addRemovals(
        tx,
        copied.map(({ uploadId }) => uploadId),
      ),
    ]);
  }

  /** What was added is committed. */
  wake(): void {
    this.wakeUps.wake(this.registers ? ['registration', 'removal'] : ['removal']);
  }

  private async addRemovals(tx: Sql, uploadIds: readonly string[]): Promise<void> {
    if (uploadIds.length === 0) return;
    await reopenTasks(tx, uploadIds, 'removal', this.maxAgeMs);
    await insertTasks(
      tx,
      uploadIds.map((id) => this.taskOf(id, 'removal')),
    );
  }

  private taskOf(uploadId: string, kind: 'registration' | 'removal'): NewTask {
    const { maxAgeMs } = this;
    return { taskId: uuidV7(), uploadId, kind, lane: kind, inDoubt: kind === 'removal', maxAgeMs };
  }
}
