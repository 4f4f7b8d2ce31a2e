import { Inject, Injectable, Logger } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Job } from 'pg-boss';
import type { Environment } from '../../config/environment.js';
import { CLOCK, type Clock } from '../../resilience/clock.js';
import { DeliveryDatabase } from '../database/delivery-database.service.js';
import type { Engine } from '../database/engine.js';
import { type Lane, LANES, queueName } from '../database/queue-names.js';
import type { Sql } from '../database/sql.js';
import { bossOf } from './boss-transaction.js';
import type { LeasedJob } from './leased-job.js';
import { releaseLostLeases } from './lost-leases.js';
import { postponeAsItIs } from './unknown-jobs.js';
import { readWakeUp, type WakeUp } from './wake-up.js';

/** A job of a newer release waits this long for a process that knows it. */
const UNKNOWN_JOB_DELAY_S = 60;

/** The wake-ups of tasks, over pg-boss: each is with one process at a time, for as long as that renews its lease. */
@Injectable()
export class DeliveryQueue {
  private readonly logger = new Logger(DeliveryQueue.name);
  private readonly leaseMs: number;
  private nextReleaseMs = 0;

  constructor(
    private readonly database: DeliveryDatabase,
    @Inject(CLOCK) private readonly clock: Clock,
    config: ConfigService<Environment, true>,
  ) {
    this.leaseMs = config.get('DELIVERY_LEASE_MS', { infer: true });
  }

  /** Lets a task be taken from `dueAt` on, once `tx` is committed. A task that has a job keeps that one. */
  async publish(tx: Sql, job: WakeUp, lane: Lane, dueAt: Date): Promise<void> {
    // As a delay, not as a moment: the clock that decides is the database's.
    const startAfter = Math.max(0, Math.round(dueAt.getTime() - this.clock.wallMs())) / 1_000;
    const group = job.group === undefined ? {} : { group: { id: job.group } };
    const options = { db: bossOf(tx), singletonKey: job.task_id, startAfter, ...group };
    await this.database.boss.send(queueName(lane), job, options);
  }

  /**
   * Takes up to `limit` due jobs that are of none of the groups `without`, the oldest first; each is with this process
   * for `DELIVERY_LEASE_MS`, and then with whoever takes it. Gives back first what other processes have lost.
   * @throws QUEUE_UNAVAILABLE
   */
  take(lane: Lane, limit: number, without: readonly string[] = []): Promise<LeasedJob[]> {
    return this.database.use(async (engine) => {
      await this.releaseLost(engine);
      const jobs = await engine.boss.fetch<unknown>(queueName(lane), {
        batchSize: limit,
        ignoreGroups: [...without],
      });
      const known: LeasedJob[] = [];
      for (const job of jobs) {
        const wakeUp = readWakeUp(job.data);
        if (wakeUp) known.push(leasedJob(lane, wakeUp, job));
        else await this.putAside(engine, job);
      }
      return known;
    });
  }

  /** Lengthens leases to `DELIVERY_LEASE_MS` from now; gives those jobs that are no longer ours. @throws QUEUE_UNAVAILABLE */
  async renew(jobs: readonly LeasedJob[]): Promise<LeasedJob[]> {
    const kept = await this.database.use(({ boss }) =>
      Promise.all(
        LANES.map(async (lane) => {
          const own = jobs.filter((job) => job.lane === lane);
          return own.length > 0 ? settledIds(await boss.touch(queueName(lane), own)) : [];
        }),
      ),
    );
    const ids = new Set(kept.flat());
    return jobs.filter(({ id }) => !ids.has(id));
  }

  /** Ends a job, once `tx` is committed. False when its lease was lost: the task is another's, and `tx` is to be rolled back. */
  async complete(tx: Sql, job: LeasedJob): Promise<boolean> {
    const response = await this.database.boss.deleteJob(queueName(job.lane), job, { db: bossOf(tx) });
    return settledIds(response).length === 1;
  }

  /** Ends a job and lets its task be taken again from `dueAt` on. False as with `complete`. */
  async postpone(tx: Sql, job: LeasedJob, dueAt: Date): Promise<boolean> {
    if (!(await this.complete(tx, job))) return false;
    const { taskId, group } = job;
    await this.publish(tx, { version: 1, task_id: taskId, ...(group && { group }) }, job.lane, dueAt);
    return true;
  }

  /** Takes away the job of a task, also from the process that has it: that one's lease is lost. */
  async withdraw(tx: Sql, taskId: string, lane: Lane): Promise<void> {
    const db = bossOf(tx);
    const jobs = await this.database.boss.findJobs(queueName(lane), { key: taskId, db });
    const ids = jobs.map(({ id }) => id);
    if (ids.length > 0) await this.database.boss.deleteJob(queueName(lane), ids, { db });
  }

  /** Not at every taking: who looks four times in a lease is early enough. */
  private async releaseLost(engine: Engine): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    if (nowMs < this.nextReleaseMs) return;
    this.nextReleaseMs = nowMs + this.leaseMs / 4;
    const count = await releaseLostLeases(engine, this.leaseMs);
    if (count > 0)
      this.logger.warn({ count }, 'Jobs were given back, whose process no longer renews its lease');
  }

  private async putAside({ database }: Engine, job: Job<unknown>): Promise<void> {
    this.logger.warn(
      { job: job.id, data: job.data },
      'A job is not understood; it waits for a newer release',
    );
    await postponeAsItIs(database, job, UNKNOWN_JOB_DELAY_S);
  }
}

function leasedJob(
  lane: Lane,
  { task_id: taskId, group }: WakeUp,
  { id, retryCount }: Job<unknown>,
): LeasedJob {
  return { lane, taskId, id, retryCount, ...(group !== undefined && { group }) };
}

/** The jobs that a call to pg-boss had an effect on; its types do not say that it tells. */
function settledIds(response: object): unknown[] {
  const ids: unknown = Reflect.get(response, 'settled');
  return Array.isArray(ids) ? ids : [];
}
