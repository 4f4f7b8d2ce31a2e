import type { LeasedJob } from '../../src/delivery/queue/leased-job.js';
import { type Given, NOW } from './delivery-subject.js';

/** Publishes in the order that is given, each in a transaction of its own. */
export async function publish(given: Given, ...taskIds: string[]): Promise<void> {
  const { database, one } = given();
  for (const taskId of taskIds) {
    await database.transaction((tx) => one.queue.publish(tx, { version: 1, task_id: taskId }, 'small', NOW));
  }
}

/** A job that must have been taken. */
export function leased(job: LeasedJob | undefined): LeasedJob {
  if (!job) throw new Error('no job was taken');
  return job;
}
