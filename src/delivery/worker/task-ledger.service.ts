import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.service.js';
import type { GroupCommit } from '../../database/group-commit.js';
import type { TransactionSql } from '../../database/sql.js';
import { Replicas } from '../../replicas/replicas.service.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { TaskKinds } from '../task-kinds.service.js';
import { findPlacements } from '../ledger/placement-rows.js';
import { claimTasks } from '../ledger/task-claims.js';
import {
  type AttemptBegin,
  beginAttempts,
  type BegunAttempt,
  saveCheckpoint,
} from '../ledger/task-checkpoints.js';
import { findUploads } from '../ledger/upload-rows.js';
import type { AttemptStart, ClaimedTask, HeldTask, TaskCheckpoints } from './held-task.js';

/** What is written down of tasks while they are worked on. */
@Injectable()
export class TaskLedger implements TaskCheckpoints {
  readonly leaseMs: number;
  private readonly begins: GroupCommit<AttemptBegin, BegunAttempt | undefined>;

  constructor(
    private readonly database: Database,
    private readonly settings: DeliverySettings,
    private readonly kinds: TaskKinds,
    private readonly replicas: Replicas,
  ) {
    this.leaseMs = settings.leaseMs;
    this.begins = database.groupCommit((tx, attempts) => this.begin(tx, attempts));
  }

  /** All lanes, with how many tasks of each are worked on at once. */
  get lanes(): ReadonlyMap<string, number> {
    return this.kinds.lanes;
  }

  /** May there be tasks at all? */
  get isUsed(): boolean {
    return this.database.isUsed();
  }

  /**
   * Claims up to `limit` tasks of a lane that are due, with what they are about. Nobody waits for the disk: who forgets a
   * claim finds, with the first that he writes down, that the task is not his. @throws QUEUE_UNAVAILABLE,
   * and what the spool fails with
   */
  async claim(lane: string, limit: number): Promise<ClaimedTask[]> {
    const claimedMs = this.settings.clock.monotonicMs();
    const holder = randomUUID();
    const spoolId = this.kinds.needsFile(lane) ? await this.replicas.spoolId() : '';
    return this.database.transaction(
      async (tx) => {
        const tasks = await claimTasks(tx, { lane, spoolId, limit, holder, leaseMs: this.leaseMs });
        if (tasks.length === 0) return [];
        const ids = tasks.map(({ upload_id: id }) => id);
        const [found, placements] = await tx.last(
          Promise.all([findUploads(tx, ids), findPlacements(tx, ids)]),
        );
        const uploads = new Map(found.map((upload) => [upload.uploadId, upload]));
        return tasks.flatMap((task) => {
          const upload = uploads.get(task.upload_id);
          const { reconciles } = this.kinds.get(task.kind);
          const placed = reconciles ? (placements.get(task.upload_id) ?? []) : [];
          return upload ? [{ task, upload, placements: placed, holder, claimedMs }] : [];
        });
      },
      { durable: false },
    );
  }

  /** Gives the id of the attempt. @throws LeaseLost, CancelRequested, QUEUE_UNAVAILABLE */
  async beginAttempt(
    { claimed, lease, ends, hasTried }: HeldTask,
    { target, sends }: AttemptStart,
  ): Promise<number | undefined> {
    const { task, upload, holder } = claimed;
    const sinceMs = this.settings.clock.monotonicMs();
    const begun = await this.begins.add({
      taskId: task.task_id,
      uploadId: task.upload_id,
      holder,
      target,
      number: task.attempts + 1,
      isFirst: !hasTried && sends && upload.status === 'accepted',
      sends,
      ends,
    });
    lease.extended(begun, sinceMs);
    lease.signal.throwIfAborted();
    return begun?.attemptId;
  }

  /** @throws LeaseLost, CancelRequested, QUEUE_UNAVAILABLE */
  async saveCheckpoint({ claimed, lease }: HeldTask, checkpoint: string | null): Promise<void> {
    const { task, holder } = claimed;
    const sinceMs = this.settings.clock.monotonicMs();
    const held = await this.database.transaction((tx) =>
      tx.last(saveCheckpoint(tx, { taskId: task.task_id, holder, checkpoint }, this.leaseMs)),
    );
    lease.extended(held, sinceMs);
    lease.signal.throwIfAborted();
  }

  private async begin(
    tx: TransactionSql,
    attempts: readonly AttemptBegin[],
  ): Promise<(BegunAttempt | undefined)[]> {
    const begun = await beginAttempts(tx, attempts, this.leaseMs);
    return attempts.map(({ taskId }) => begun.get(taskId));
  }
}
