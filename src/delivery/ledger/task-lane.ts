import type { Lane } from '../database/queue-names.js';
import type { TaskKind } from '../task-kind.js';

/** The queue that a task waits in. `largeBytes` is the size above which a file must not keep others waiting. */
export function laneOf(kind: TaskKind, size: number, largeBytes: number): Lane {
  if (kind !== 'delivery') return kind;
  return size > largeBytes ? 'large' : 'small';
}
