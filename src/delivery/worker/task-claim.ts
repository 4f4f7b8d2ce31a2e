import { randomUUID } from 'node:crypto';
import type { Clock } from '../../resilience/clock.js';
import type { Database } from '../database/sql.js';
import { claimTask, findTask } from '../ledger/task-rows.js';
import { findUpload } from '../ledger/upload-rows.js';
import type { DeliveryQueue } from '../queue/delivery-queue.js';
import type { LeasedJob } from '../queue/leased-job.js';
import type { ClaimedTask } from './held-task.js';

export interface ClaimTools {
  readonly database: Database;
  readonly queue: DeliveryQueue;
  readonly clock: Clock;
  readonly leaseMs: number;
}

/**
 * Makes the task of a job ours. Undefined where it is not to be had: then the job was ended, or put off to when it is.
 * @throws QUEUE_UNAVAILABLE
 */
export async function claim(job: LeasedJob, tools: ClaimTools): Promise<ClaimedTask | undefined> {
  const { database, clock, leaseMs } = tools;
  const claimedMs = clock.monotonicMs();
  const terms = { holder: randomUUID(), leaseMs, at: new Date(clock.wallMs()) };
  const task = await claimTask(database, job.taskId, terms);
  if (!task) {
    await putBack(job, tools);
    return undefined;
  }
  const upload = await findUpload(database, task.upload_id);
  if (!upload) return undefined;
  const group = task.kind === 'delivery' ? { group: upload.file.retentionPolicy } : {};
  return { job: { ...job, ...group }, task, upload, holder: terms.holder, claimedMs };
}

/** The job of a task that is over has nothing to wake any more; another one comes when it can be claimed. */
async function putBack(job: LeasedJob, { database, queue, clock }: ClaimTools): Promise<void> {
  await database.transaction(async (tx) => {
    const task = await findTask(tx, job.taskId);
    if (task?.state === 'waiting') await queue.postpone(tx, job, task.due_at);
    else if (task?.state === 'running')
      await queue.postpone(tx, job, new Date(clock.wallMs() + (task.lease_left_ms ?? 0)));
    else await queue.complete(tx, job);
  });
}
