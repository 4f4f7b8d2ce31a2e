/** What wakes a task up. The task itself is a row of ours; only its id is in the job. */
export interface WakeUp {
  readonly version: 1;
  readonly task_id: string;
}

/** Reads the payload of a job; undefined for one that a newer release has written, or that nobody has. */
export function readWakeUp(data: unknown): WakeUp | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const [version, taskId]: unknown[] = [Reflect.get(data, 'version'), Reflect.get(data, 'task_id')];
  return version === 1 && typeof taskId === 'string' ? { version, task_id: taskId } : undefined;
}
