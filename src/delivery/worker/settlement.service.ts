import { Injectable, Logger } from '@nestjs/common';
import type { Sql } from '../database/sql.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { DeliveryStore } from '../delivery-store.service.js';
import { FollowUpTasks } from '../follow-ups/follow-up-tasks.service.js';
import { insertUnsent, type UnsentAttempt } from '../ledger/task-checkpoints.js';
import { lockHeld, releaseTask } from '../ledger/task-ends.js';
import { changeUpload, type UploadChange } from '../ledger/upload-rows.js';
import { AcceptedFiles } from '../spool/accepted-files.service.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import type { HeldTask } from './held-task.js';
import { type NextStep, nextStep } from './next-step.js';
import { changeAfter, outcomeOfUnwanted, releaseAfter } from './settled-task.js';
import { LeaseLost } from './stop-reasons.js';

interface Settled {
  readonly step: NextStep;
  /** How the upload changes, where the task is its delivery. */
  readonly change: UploadChange | undefined;
}

/** Writes down what becomes of a task after a try: all of it in one transaction, or nothing. */
@Injectable()
export class Settlement {
  private readonly logger = new Logger(Settlement.name);

  constructor(
    private readonly store: DeliveryStore,
    private readonly followUps: FollowUpTasks,
    private readonly files: AcceptedFiles,
    private readonly settings: DeliverySettings,
  ) {}

  /**
   * Lets go of the task, and removes its file where nobody needs that any more.
   * @throws LeaseLost, and nothing is written, when the task is not ours any more; QUEUE_UNAVAILABLE
   */
  async settle(held: HeldTask, outcome: AttemptOutcome): Promise<NextStep> {
    const { task, upload } = held.claimed;
    const database = await this.store.database.open();
    const { step, change } = await database.transaction((tx) => this.write(tx, held, outcome));
    if (task.kind === 'delivery' && change?.dropsFile) await this.removeFile(upload.uploadId);
    return step;
  }

  private async write(tx: Sql, held: HeldTask, tried: AttemptOutcome): Promise<Settled> {
    const { job, task, holder } = held.claimed;
    // First, since it holds the row: of two who believe that it is theirs, one waits here, and finds that it is not.
    const row = await lockHeld(tx, task.task_id, holder);
    if (!row) throw new LeaseLost();
    const at = this.settings.now();
    const outcome = row.cancel_requested_at ? outcomeOfUnwanted(tried, held.doubtfulTargets.size > 0) : tried;
    const step = this.stepAfter(held, outcome);
    const change = changeAfter(step, outcome, at);
    await releaseTask(tx, task.task_id, holder, releaseAfter(held, step, outcome, at));
    await writeHistory(tx, held, { tried, outcome, step, at });
    if (task.kind === 'delivery' && change) await this.change(tx, held, outcome, change);
    const still =
      step.kind === 'wait'
        ? await this.store.queue.postpone(tx, job, new Date(step.dueAtMs))
        : await this.store.queue.complete(tx, job);
    if (!still) throw new LeaseLost();
    return { step, change };
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
    if (outcome.kind === 'succeeded') await this.followUps.addRegistration(tx, upload, change.at);
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

interface Tried {
  readonly tried: AttemptOutcome;
  readonly outcome: AttemptOutcome;
  readonly step: NextStep;
  readonly at: Date;
}

/** What failed before there was an attempt is a line of the history too, and what a task died of. */
async function writeHistory(tx: Sql, held: HeldTask, { tried, outcome, step, at }: Tried): Promise<void> {
  await held.writeEnds(tx);
  if (held.hasTried) return;
  const unsent = step.kind === 'die' ? unsentOf(held, outcome) : undefined;
  const line = unsent ?? failureOf(tried);
  if (!line) return;
  const { task_id: taskId, attempts } = held.claimed.task;
  await insertUnsent(tx, taskId, { number: attempts + 1, at, ...line });
}

type Line = Omit<UnsentAttempt, 'number' | 'at'>;

function failureOf(tried: AttemptOutcome): Line | undefined {
  if (tried.kind !== 'failed' && tried.kind !== 'refused') return undefined;
  return { outcome: 'failed', code: tried.reason, targets: [null] };
}

/** Of a task that was put off until it was too old: who could not be called at the end. */
function unsentOf(held: HeldTask, outcome: AttemptOutcome): Line | undefined {
  if (outcome.kind === 'in_doubt') {
    const silent = new Set([...held.doubtfulTargets, ...held.unaskedTargets]);
    return { outcome: 'in_doubt', code: 'in_doubt', targets: [...silent] };
  }
  if (outcome.kind !== 'put_off') return undefined;
  const targets = held.candidates.length > 0 ? held.candidates : [null];
  return { outcome: 'put_off', code: outcome.reason, targets };
}
