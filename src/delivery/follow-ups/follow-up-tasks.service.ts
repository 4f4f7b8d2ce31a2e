import { Injectable } from '@nestjs/common';
import type { Sql } from '../../database/sql.js';
import { uuidV7 } from '../../observability/random-ids.js';
import { insertTasks, type NewTask, reopenTasks } from '../ledger/task-rows.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { TaskKinds } from '../task-kinds.service.js';
import { WakeUps } from '../wake-ups.service.js';

/** A stored file; `hasCopies`: other elements may have it as well. */
export interface FollowedUpload {
  readonly uploadId: string;
  readonly hasCopies: boolean;
}

const REMOVAL = 'removal';

/** Writes down what is left to be done for stored files. */
@Injectable()
export class FollowUpTasks {
  constructor(
    private readonly wakeUps: WakeUps,
    private readonly kinds: TaskKinds,
    private readonly settings: DeliverySettings,
  ) {}

  /** The kinds of tasks that every stored file gets. */
  get following(): readonly string[] {
    return this.kinds.following;
  }

  /**
   * Stored files get the tasks that follow them, and their copies are to be removed. May be repeated: what an upload has a
   * task for already is left; copies are looked for anew.
   */
  async add(tx: Sql, uploads: readonly FollowedUpload[]): Promise<void> {
    const copied = uploads.filter(({ hasCopies }) => hasCopies);
    await Promise.all([
      insertTasks(
        tx,
        this.following.flatMap((kind) => uploads.map(({ uploadId }) => this.taskOf(uploadId, kind))),
      ),
      this.addRemovals(
        tx,
        copied.map(({ uploadId }) => uploadId),
      ),
    ]);
  }

  /** What was added is committed. */
  wake(): void {
    this.wakeUps.wake([...this.following, REMOVAL]);
  }

  private async addRemovals(tx: Sql, uploadIds: readonly string[]): Promise<void> {
    if (uploadIds.length === 0) return;
    await Promise.all([
      reopenTasks(tx, uploadIds, REMOVAL, this.settings.maxAgeMs),
      insertTasks(
        tx,
        uploadIds.map((id) => this.taskOf(id, REMOVAL)),
      ),
    ]);
  }

  private taskOf(uploadId: string, kind: string): NewTask {
    const { maxAgeMs } = this.settings;
    return { taskId: uuidV7(), uploadId, kind, lane: kind, spoolId: '', inDoubt: kind === REMOVAL, maxAgeMs };
  }
}
