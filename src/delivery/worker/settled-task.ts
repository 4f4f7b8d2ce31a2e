import type { TaskRelease } from '../ledger/task-ends.js';
import type { UploadChange } from '../ledger/upload-rows.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import type { HeldTask } from './held-task.js';
import type { NextStep } from './next-step.js';

/** What a try comes to whose upload was cancelled meanwhile: what is not stored is not tried again. */
export function outcomeOfUnwanted(tried: AttemptOutcome, doubtful: boolean): AttemptOutcome {
  if (tried.kind === 'succeeded' || tried.kind === 'expired') return tried;
  return doubtful ? { kind: 'in_doubt' } : { kind: 'cancelled' };
}

/** How the task is left. */
export function releaseAfter(held: HeldTask, step: NextStep, outcome: AttemptOutcome, at: Date): TaskRelease {
  const { task } = held.claimed;
  const common = {
    attempts: task.attempts,
    doubtfulTargets: [...held.doubtfulTargets],
    handedOverAt: held.handedOverAt,
    unaskedTargets: [...held.unaskedTargets],
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
export function changeAfter(step: NextStep, outcome: AttemptOutcome, at: Date): UploadChange | undefined {
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
