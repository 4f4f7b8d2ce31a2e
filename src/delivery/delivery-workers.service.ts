import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { LANES } from './database/queue-names.js';
import { DeliveryMetrics } from './delivery-metrics.service.js';
import { DeliverySettings } from './delivery-settings.service.js';
import { DeliveryStore } from './delivery-store.service.js';
import { LaneWorker } from './worker/lane-worker.js';
import { TaskRunner } from './worker/task-runner.service.js';

/**
 * Keeps promises: works on the tasks that are due, those of other replicas too when these are gone. Begins with the
 * first promise, or at the start where there may be one from before.
 */
@Injectable()
export class DeliveryWorkers implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(DeliveryWorkers.name);
  private readonly lanes: readonly LaneWorker[];
  private stopping: Promise<void> | undefined;

  constructor(
    private readonly store: DeliveryStore,
    runner: TaskRunner,
    metrics: DeliveryMetrics,
    private readonly settings: DeliverySettings,
  ) {
    const { concurrency, pollMs } = settings;
    this.lanes = LANES.map(
      (lane) =>
        new LaneWorker({
          lane,
          concurrency: concurrency[lane],
          pollMs,
          take: (from, limit, without) => store.queue.take(from, limit, without),
          run: (job, onHeld) => runner.run(job, metrics, onHeld),
          onFailure: (error) => this.logger.warn({ err: error, lane }, 'no tasks could be taken'),
        }),
    );
    store.onPublished(() => this.wake());
  }

  onApplicationBootstrap(): void {
    if (this.store.database.isUsed()) this.wake();
  }

  /** Before the storage elements and the database are closed. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.stop();
  }

  /** Takes nothing more; what is under way has its grace, and is put back then. Harmless when repeated. */
  stop(): Promise<void> {
    this.stopping ??= this.stopNow();
    return this.stopping;
  }

  private async stopNow(): Promise<void> {
    const ended = Promise.all(this.lanes.map((lane) => lane.stop()));
    const patience = new AbortController();
    const late = sleep(this.settings.shutdownGraceMs, undefined, { signal: patience.signal }).then(
      () => this.abortAll(),
      () => undefined,
    );
    await Promise.race([ended, late]);
    patience.abort();
    await ended;
  }

  /** Looks for tasks that are due at once. */
  wake(): void {
    for (const lane of this.lanes) lane.wake();
  }

  /** Has whoever works on an upload here hear at once what its owner wants. */
  hurry(uploadId: string): void {
    for (const held of this.lanes.flatMap((lane) => [...lane.held])) {
      if (held.claimed.upload.uploadId === uploadId) void held.lease.renew();
    }
    this.wake();
  }

  private abortAll(): void {
    const reason = new ServiceError('SHUTTING_DOWN', 'The service is shutting down.');
    for (const lane of this.lanes) lane.abort(reason);
  }
}
