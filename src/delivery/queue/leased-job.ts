import type { Lane } from '../database/queue-names.js';

/** A job that this process has until its lease runs out. */
export interface LeasedJob {
  readonly lane: Lane;
  readonly taskId: string;
  /** As in its `WakeUp`. */
  readonly group?: string;
  readonly id: string;
  /** Which taking of the job this is: the next one ends this one's rights. */
  readonly retryCount: number;
}
