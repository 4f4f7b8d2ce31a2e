import type { TaskKind } from '../task-kind.js';

/** What wakes a task up. The task itself is a row of ours; only its id is in the job. */
export interface WakeUp {
  readonly version: 1;
  readonly task_id: string;
  /** Tasks of one group go to the same storage elements, so that these must not take every place. */
  readonly group?: string;
}

/** The wake-up of a task. Files of one retention policy go to the same storage elements. */
export function wakeUpOf(taskId: string, kind: TaskKind, retentionPolicy: string): WakeUp {
  return { version: 1, task_id: taskId, ...(kind === 'delivery' && { group: retentionPolicy }) };
}

/** Reads the payload of a job; undefined for one that a newer release has written, or that nobody has. */
export function readWakeUp(data: unknown): WakeUp | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const [version, taskId]: unknown[] = [Reflect.get(data, 'version'), Reflect.get(data, 'task_id')];
  const group: unknown = Reflect.get(data, 'group');
  if (version !== 1 || typeof taskId !== 'string') return undefined;
  return { version, task_id: taskId, ...(typeof group === 'string' && { group }) };
}
