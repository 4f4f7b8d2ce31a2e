import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.service.js';
import type { GroupCommit } from '../../database/group-commit.js';
import type { Sql, TransactionSql } from '../../database/sql.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { FollowUpTasks } from '../follow-ups/follow-up-tasks.service.js';
import { endAttempts, insertUnsent } from '../ledger/attempt-rows.js';
import { deletePlacements, savePlacements } from '../ledger/placement-rows.js';
import type { HeldRow } from '../ledger/task-claims.js';
import { lockHeld, releaseTasks } from '../ledger/task-ends.js';
import { changeUploads } from '../ledger/upload-rows.js';
import { UnfinishedUploads } from '../unfinished-uploads.service.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import type { HeldTask } from './held-task.js';
import { type NextStep, nextStep } from './next-step.js';
import {
  changeAfter,
  outcomeOfUnwanted,
  releaseAfter,
  type SettledTask,
  type TriedTask,
} from './settled-task.js';
import { LeaseLost } from './stop-reasons.js';
import { unsentOf } from './unsent-attempts.js';

/** Writes down what becomes of a task after a try: all of it in one transaction, or nothing. */
@Injectable()
export class Settlement {
  private readonly group: GroupCommit<TriedTask, SettledTask | undefined>;

  constructor(
    database: Database,
    private readonly followUps: FollowUpTasks,
    private readonly settings: DeliverySettings,
    private readonly unfinished: UnfinishedUploads,
  ) {
    this.group = database.groupCommit((tx, tasks) => this.write(tx, tasks));
  }

  /**
   * Lets go of the task, and removes its file where nobody needs that any more.
   * @throws LeaseLost, and nothing is written, when the task is not ours any more; QUEUE_UNAVAILABLE
   */
  async settle(held: HeldTask, tried: AttemptOutcome): Promise<NextStep> {
    const settled = await this.group.add({ held, tried });
    if (!settled) throw new LeaseLost();
    const { step, outcome } = settled;
    // A dead letter may be taken up again, and goes on then.
    if (step.kind !== 'wait' && step.kind !== 'die') this.unfinished.discard(held.checkpoint);
    if (held.claimed.task.kind === 'delivery') {
      if (outcome.kind === 'succeeded') this.followUps.wake();
      if (changeAfter(step, outcome)?.dropsFile)
        await this.unfinished.files.removeSoon(held.claimed.upload.spoolFile);
    }
    return step;
  }

  /** What is not ours any more is undefined. */
  private async write(tx: TransactionSql, tasks: readonly TriedTask[]): Promise<(SettledTask | undefined)[]> {
    const keys = tasks.map(({ held: { claimed } }) => {
      return { taskId: claimed.task.task_id, holder: claimed.holder };
    });
    // First, since it holds the rows: of two who believe that one is theirs, one waits here, and finds that it is not.
    const rows = await lockHeld(tx, keys);
    const all = tasks.map((task) => this.settledTask(task, rows.get(task.held.claimed.task.task_id)));
    const settled = all.filter((task) => task !== undefined);
    const changes = Promise.all([
      releaseTasks(
        tx,
        settled.map(({ held, step, outcome }) => releaseAfter(held, step, outcome)),
      ),
      endAttempts(
        tx,
        settled.flatMap(({ held }) => held.ends),
      ),
      insertUnsent(tx, settled.flatMap(unsentOf)),
      writePlacements(tx, settled),
      this.changeUploads(tx, settled),
    ]);
    await tx.last(changes);
    return all;
  }

  private settledTask({ held, tried }: TriedTask, row: HeldRow | undefined): SettledTask | undefined {
    if (!row) return undefined;
    const isCancelled = row.cancel_requested_at !== null;
    const outcome = isCancelled ? outcomeOfUnwanted(tried, held.locations.anySent) : tried;
    return { held, tried, outcome, step: this.stepAfter(held, outcome) };
  }

  private stepAfter(held: HeldTask, outcome: AttemptOutcome): NextStep {
    const { nowMs, locations, claimed } = held;
    const { attempts, deadline, doubt_since: doubtSince } = claimed.task;
    const doubtEndMs = (doubtSince ?? nowMs) + this.settings.maxDoubtMs;
    const history = {
      attempts,
      deadlineMs:
        outcome.kind === 'in_doubt' && locations.anySent ? Math.min(deadline, doubtEndMs) : deadline,
      doubtful: !locations.isEmpty,
      nowMs,
    };
    return nextStep(outcome, history, this.settings.limits, Math.random);
  }

  private async changeUploads(tx: Sql, settled: readonly SettledTask[]): Promise<void> {
    const deliveries = settled.filter(({ held }) => held.claimed.task.kind === 'delivery');
    const changed = changeUploads(
      tx,
      deliveries.flatMap(({ held, step, outcome }) => {
        const change = changeAfter(step, outcome);
        return change ? [{ uploadId: held.claimed.upload.uploadId, ...change }] : [];
      }),
    );
    const stored = deliveries.filter(({ outcome }) => outcome.kind === 'succeeded');
    const followed = this.followUps.add(
      tx,
      stored.map(({ held: { claimed, locations } }) => {
        return { uploadId: claimed.upload.uploadId, hasCopies: locations.anySent };
      }),
    );
    await Promise.all([changed, followed]);
  }
}

/** Where the files may be by now. */
async function writePlacements(tx: Sql, settled: readonly SettledTask[]): Promise<void> {
  const uploads = settled.map(({ held: { claimed, locations } }) => {
    return { uploadId: claimed.task.upload_id, locations };
  });
  await Promise.all([
    deletePlacements(
      tx,
      uploads.flatMap(({ uploadId, locations }) =>
        locations.ruledOut.map((target) => ({ uploadId, target })),
      ),
    ),
    savePlacements(
      tx,
      uploads.flatMap(({ uploadId, locations }) =>
        locations.sent.map((location) => ({ ...location, uploadId })),
      ),
    ),
  ]);
}
