import type { TaskRelease } from '../ledger/task-ends.js';
import type { UploadChange } from '../ledger/upload-rows.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import type { HeldTask } from './held-task.js';
import type { NextStep } from './next-step.js';

/** A task after a try. */
export interface TriedTask {
  readonly held: HeldTask;
  readonly tried: AttemptOutcome;
}

/** What becomes of it. */
export interface SettledTask extends TriedTask {
  /** What the try comes to, as it may have been cancelled meanwhile. */
  readonly outcome: AttemptOutcome;
  readonly step: NextStep;
}

/** What a try comes to whose upload was cancelled meanwhile: what is not stored is not tried again. */
export function outcomeOfUnwanted(tried: AttemptOutcome, doubtful: boolean): AttemptOutcome {
  if (tried.kind === 'succeeded' || tried.kind === 'expired') return tried;
  return doubtful ? { kind: 'in_doubt' } : { kind: 'cancelled' };
}

/** How the task is left. */
export function releaseAfter(held: HeldTask, step: NextStep, outcome: AttemptOutcome): TaskRelease {
  const { task, holder } = held.claimed;
  const common = {
    taskId: task.task_id,
    holder,
    attempts: task.attempts,
    inDoubt: held.locations.anySent,
    target: outcome.kind === 'succeeded' ? (outcome.stored?.target ?? null) : null,
    reason: null,
    delayMs: 0,
  };
  switch (step.kind) {
    case 'finish':
      return { ...common, state: 'done', attempts: task.attempts + 1 };
    case 'cancel':
      return { ...common, state: 'cancelled' };
    case 'expire':
      return { ...common, state: 'dropped' };
    case 'wait': {
      const { attempts, reason, delayMs } = step;
      return { ...common, state: 'waiting', attempts, reason, delayMs };
    }
    case 'die':
      return { ...common, state: 'dead', attempts: step.attempts, reason: step.reason };
    default:
      return step satisfies never;
  }
}

/** How the upload changes with its delivery; one that waits stays what it is. */
export function changeAfter(step: NextStep, outcome: AttemptOutcome): UploadChange | undefined {
  switch (step.kind) {
    case 'finish':
      return {
        status: 'active',
        stored: outcome.kind === 'succeeded' ? outcome.stored : undefined,
        dropsFile: true,
      };
    case 'cancel':
      return { status: 'cancelled', dropsFile: true };
    case 'expire':
      return { status: 'expired', dropsFile: true };
    case 'wait':
      return undefined;
    case 'die':
      return { status: 'dead', data: { reason: step.reason } };
    default:
      return step satisfies never;
  }
}
