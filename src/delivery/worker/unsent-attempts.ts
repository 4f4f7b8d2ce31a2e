import type { UnsentAttempt } from '../ledger/attempt-rows.js';
import type { SettledTask } from './settled-task.js';

type Line = Omit<UnsentAttempt, 'taskId' | 'number'>;

/** What failed before there was an attempt is a line of the history too, and what a task died of. */
export function unsentOf({ held, tried, outcome, step }: SettledTask): UnsentAttempt[] {
  if (held.hasTried) return [];
  const { task_id: taskId, attempts } = held.claimed.task;
  const died = step.kind === 'die' ? diedOf(held, outcome) : [];
  const lines = died.length > 0 ? died : failureOf(tried);
  return lines.map(({ outcome: how, code, target }) => {
    return { taskId, number: attempts + 1, outcome: how, code, target };
  });
}

function failureOf(tried: SettledTask['tried']): Line[] {
  if (tried.kind !== 'failed' && tried.kind !== 'refused') return [];
  return [{ outcome: 'failed', code: tried.reason, target: null }];
}

/** Of a task that was put off until it was too old: who could not be called at the end. */
function diedOf(held: SettledTask['held'], outcome: SettledTask['outcome']): Line[] {
  if (outcome.kind === 'in_doubt') {
    return held.locations.all.map(({ target }) => ({ outcome: 'in_doubt', code: 'in_doubt', target }));
  }
  if (outcome.kind !== 'deferred') return [];
  const targets = held.candidates.length > 0 ? held.candidates : [null];
  return targets.map((target) => ({ outcome: 'deferred', code: outcome.reason, target }));
}
