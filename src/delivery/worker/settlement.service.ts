import { Injectable, Logger } from '@nestjs/common';
import type { Sql } from '../database/sql.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { DeliveryStore } from '../delivery-store.service.js';
import { insertFailure } from '../ledger/task-checkpoints.js';
import { releaseTask, type TaskRelease } from '../ledger/task-ends.js';
import { changeUpload, type UploadChange } from '../ledger/upload-rows.js';
import { RegistrationTasks } from '../registration/registration-tasks.service.js';
import { AcceptedFiles } from '../spool/accepted-files.service.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import type { HeldTask } from './held-task.js';
import { type NextStep, nextStep } from './next-step.js';
import { LeaseLost } from './stop-reasons.js';

/** Writes down what becomes of a task after a try: all of it in one transaction, or nothing. */
@Injectable()
export class Settlement {
  private readonly logger = new Logger(Settlement.name);

  constructor(
    private readonly store: DeliveryStore,
    private readonly registrations: RegistrationTasks,
    private readonly files: AcceptedFiles,
    private readonly settings: DeliverySettings,
  ) {}

  /**
   * Lets go of the task, and removes its file where nobody needs that any more.
   * @throws LeaseLost, and nothing is written, when the task is not ours any more; QUEUE_UNAVAILABLE
   */
  async settle(held: HeldTask, outcome: AttemptOutcome): Promise<NextStep> {
    const step = this.stepAfter(held, outcome);
    const { job, task, upload, holder } = held.claimed;
    const at = this.settings.now();
    const database = await this.store.database.open();
    const change = changeAfter(step, outcome, at);
    await database.transaction(async (tx) => {
      // First, since it holds the row: of two who believe that it is theirs, one waits here, and finds that it is not.
      if (!(await releaseTask(tx, task.task_id, holder, releaseAfter(held, step, outcome, at)))) {
        throw new LeaseLost();
      }
      await writeHistory(tx, held, outcome, at);
      if (task.kind === 'delivery' && change) await this.change(tx, held, outcome, change);
      const still =
        step.kind === 'wait'
          ? await this.store.queue.postpone(tx, job, new Date(step.dueAtMs))
          : await this.store.queue.complete(tx, job);
      if (!still) throw new LeaseLost();
    });
    if (task.kind === 'delivery' && change?.dropsFile) await this.removeFile(upload.uploadId);
    return step;
  }

  private stepAfter({ claimed: { task }, doubtfulTargets }: HeldTask, outcome: AttemptOutcome): NextStep {
    const nowMs = this.settings.clock.wallMs();
    const doubtMs = (task.doubt_since?.getTime() ?? nowMs) + this.settings.maxDoubtMs;
    const ageMs = task.deadline.getTime();
    const history = {
      attempts: task.attempts,
      deadlineMs: outcome.kind === 'in_doubt' ? Math.min(ageMs, doubtMs) : ageMs,
      doubtful: doubtfulTargets.size > 0,
      nowMs,
    };
    return nextStep(outcome, history, this.settings.limits, Math.random);
  }

  private async change(
    tx: Sql,
    { claimed: { upload } }: HeldTask,
    outcome: AttemptOutcome,
    change: UploadChange,
  ): Promise<void> {
    await changeUpload(tx, upload.uploadId, change);
    if (outcome.kind === 'succeeded') await this.registrations.add(tx, upload, change.at);
  }

  /** What is not removed now, the sweep finds: its row promises it no more. */
  private async removeFile(uploadId: string): Promise<void> {
    try {
      await this.files.remove(uploadId);
    } catch (error) {
      this.logger.warn({ err: error, upload_id: uploadId }, 'a delivered file stays in the spool for now');
    }
  }
}

/** What failed before there was an attempt is a line of the history too. */
async function writeHistory(tx: Sql, held: HeldTask, outcome: AttemptOutcome, at: Date): Promise<void> {
  await held.writeEnds(tx);
  if (held.hasTried || (outcome.kind !== 'failed' && outcome.kind !== 'refused')) return;
  const { task_id: taskId, attempts } = held.claimed.task;
  await insertFailure(tx, taskId, { number: attempts + 1, code: outcome.reason, at });
}

function releaseAfter(held: HeldTask, step: NextStep, outcome: AttemptOutcome, at: Date): TaskRelease {
  const { task } = held.claimed;
  const common = {
    attempts: task.attempts,
    doubtfulTargets: [...held.doubtfulTargets],
    target: outcome.kind === 'succeeded' ? (outcome.stored?.target ?? null) : null,
    reason: null,
    dueAt: at,
    at,
  };
  switch (step.kind) {
    case 'finish':
      return { ...common, state: 'done', attempts: task.attempts + 1 };
    case 'cancel':
      return { ...common, state: 'cancelled' };
    case 'expire':
      return { ...common, state: 'dropped' };
    case 'wait': {
      const { attempts, reason, dueAtMs } = step;
      return { ...common, state: 'waiting', attempts, reason, dueAt: new Date(dueAtMs) };
    }
    case 'die':
      return { ...common, state: 'dead', attempts: step.attempts, reason: step.reason };
    default:
      return step satisfies never;
  }
}

/** How the upload changes with its delivery; one that waits stays what it is. */
function changeAfter(step: NextStep, outcome: AttemptOutcome, at: Date): UploadChange | undefined {
  switch (step.kind) {
    case 'finish':
      return {
        status: 'active',
        stored: outcome.kind === 'succeeded' ? outcome.stored : undefined,
        dropsFile: true,
        at,
      };
    case 'cancel':
      return { status: 'cancelled', dropsFile: true, at };
    case 'expire':
      return { status: 'expired', dropsFile: true, at };
    case 'wait':
      return undefined;
    case 'die':
      return { status: 'dead', data: { reason: step.reason }, at };
    default:
      return step satisfies never;
  }
}
