import { randomUUID } from 'node:crypto';
import type { Clock } from '../../resilience/clock.js';
import type { Database } from '../database/sql.js';
import { claimTask, findTask, type TaskRow } from '../ledger/task-rows.js';
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
  const nowMs = clock.wallMs();
  const terms = { holder: randomUUID(), at: new Date(nowMs), until: new Date(nowMs + leaseMs) };
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
async function putBack(job: LeasedJob, { database, queue }: ClaimTools): Promise<void> {
  await database.transaction(async (tx) => {
    const task = await findTask(tx, job.taskId);
    const dueAt = task && claimableAt(task);
    if (dueAt) await queue.postpone(tx, job, dueAt);
    else await queue.complete(tx, job);
  });
}

function claimableAt({ state, due_at: dueAt, lease_until: leaseUntil }: TaskRow): Date | undefined {
  if (state === 'waiting') return dueAt;
  return state === 'running' ? (leaseUntil ?? dueAt) : undefined;
}
