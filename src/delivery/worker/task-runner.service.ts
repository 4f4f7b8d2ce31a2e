import { Injectable, Logger } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import { DeliveryMetrics } from '../delivery-metrics.service.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { DeliveryStore } from '../delivery-store.service.js';
import type { LeasedJob } from '../queue/leased-job.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import { HeldTask } from './held-task.js';
import { Settlement } from './settlement.service.js';
import { LeaseLost } from './stop-reasons.js';
import { claim } from './task-claim.js';
import { TaskWork } from './task-work.service.js';

/** Works on one task from its claim to what becomes of it. */
@Injectable()
export class TaskRunner {
  private readonly logger = new Logger(TaskRunner.name);

  constructor(
    private readonly store: DeliveryStore,
    private readonly work: TaskWork,
    private readonly settlement: Settlement,
    private readonly settings: DeliverySettings,
  ) {}

  /**
   * Does what the task of a job asks for, once. `onHeld` gets the task while it is ours. Never fails: what cannot be
   * written down is done again by whoever takes the task when its lease has run out.
   */
  async run(job: LeasedJob, metrics: DeliveryMetrics, onHeld: (held: HeldTask) => void): Promise<void> {
    try {
      const held = await this.claim(job);
      if (!held) return;
      onHeld(held);
      try {
        const step = await this.settlement.settle(held, await this.attempt(held));
        const { task, claimedMs } = held.claimed;
        metrics.settled(task.kind, step, this.settings.clock.monotonicMs() - claimedMs);
      } finally {
        await held.lease.close();
      }
    } catch (error) {
      this.tell(job, error);
    }
  }

  private async claim(job: LeasedJob): Promise<HeldTask | undefined> {
    const { clock, leaseMs } = this.settings;
    const { queue } = this.store;
    const database = await this.store.database.open();
    const claimed = await claim(job, { database, queue, clock, leaseMs });
    const renewJob = async (renewed: LeasedJob): Promise<boolean> =>
      (await queue.renew([renewed])).length === 0;
    return claimed && new HeldTask(claimed, { database, clock, leaseMs, renewJob });
  }

  /** A mistake of ours counts as an attempt, so that it ends where an operator sees it. */
  private async attempt(held: HeldTask): Promise<AttemptOutcome> {
    try {
      return await this.work.attempt(held);
    } catch (error) {
      if (error instanceof LeaseLost || isUnavailable(error)) throw error;
      if (held.lease.signal.aborted) return { kind: 'interrupted' };
      this.logger.error(
        { err: error, task_id: held.claimed.task.task_id },
        'a task was not worked on as it should',
      );
      return { kind: 'failed', reason: 'INTERNAL_ERROR' };
    }
  }

  private tell({ taskId, lane }: LeasedJob, error: unknown): void {
    const about = { err: error, task_id: taskId, lane };
    if (error instanceof LeaseLost) this.logger.warn(about, 'a task was taken over by another process');
    else this.logger.warn(about, 'a task is left until its lease has run out');
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'QUEUE_UNAVAILABLE';
}
