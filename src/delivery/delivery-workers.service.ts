import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { DeliverySettings } from './delivery-settings.service.js';
import { WakeUps } from './wake-ups.service.js';
import type { HeldTask } from './worker/held-task.js';
import { LaneWorker } from './worker/lane-worker.js';
import { TaskLedger } from './worker/task-ledger.service.js';
import { TaskRunner } from './worker/task-runner.service.js';

/**
 * Keeps promises: works on the tasks that are due, those of other replicas too when these are gone. Begins with the
 * first promise, or at the start where there may be one from before.
 */
@Injectable()
export class DeliveryWorkers implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(DeliveryWorkers.name);
  private lanes: ReadonlyMap<string, LaneWorker> = new Map();
  private stopping: Promise<void> | undefined;

  constructor(
    private readonly ledger: TaskLedger,
    private readonly runner: TaskRunner,
    private readonly settings: DeliverySettings,
    wakeUps: WakeUps,
  ) {
    wakeUps.onWake((lane) => this.lanes.get(lane)?.wake());
  }

  /** All kinds are known by now. */
  onModuleInit(): void {
    this.lanes = new Map(
      [...this.ledger.lanes].map(([lane, concurrency]) => [lane, this.workerOf(lane, concurrency)]),
    );
  }

  onApplicationBootstrap(): void {
    if (this.ledger.isUsed) this.wakeAll();
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
    const ended = Promise.all([...this.lanes.values()].map((lane) => lane.stop()));
    const patience = new AbortController();
    const late = sleep(this.settings.shutdownGraceMs, undefined, { signal: patience.signal }).then(
      () => this.abortAll(),
      () => undefined,
    );
    await Promise.race([ended, late]);
    patience.abort();
    await ended;
  }

  /** Has whoever works on an upload here hear at once what its owner wants. */
  hurry(uploadId: string): void {
    const isOfUpload = ({ claimed }: HeldTask): boolean => claimed.upload.uploadId === uploadId;
    if ([...this.lanes.values()].some(({ held }) => [...held].some(isOfUpload))) void this.runner.beat();
    else this.wakeAll();
  }

  private workerOf(lane: string, concurrency: number): LaneWorker {
    return new LaneWorker({
      lane,
      concurrency,
      pollMs: this.settings.pollMs,
      claim: (from, limit) => this.ledger.claim(from, limit),
      run: (task, onHeld) => this.runner.run(task, onHeld),
      onFailure: (error) => this.logger.warn({ err: error, lane }, 'no tasks could be claimed'),
    });
  }

  private wakeAll(): void {
    for (const lane of this.lanes.values()) lane.wake();
  }

  private abortAll(): void {
    const reason = new ServiceError('SHUTTING_DOWN', 'The service is shutting down.');
    for (const lane of this.lanes.values()) lane.abort(reason);
  }
}
