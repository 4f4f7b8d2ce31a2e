import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '../../database/database.service.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { type Beat, extendLeases } from '../ledger/task-claims.js';
import { type ClaimedTask, HeldTask } from './held-task.js';
import { TaskLedger } from './task-ledger.service.js';

/** Those who watch an upload see it move this often. */
const LONGEST_BEAT_MS = 1_000;

/** Keeps the tasks that this process works on, all of them with one statement a beat. */
@Injectable()
export class LeaseBeats implements OnApplicationShutdown {
  private readonly logger = new Logger(LeaseBeats.name);
  private readonly held = new Map<HeldTask, number>();
  private readonly everyMs: number;
  /** The request whose upload happens to be the first is not what the others are kept for. */
  private readonly inOwnContext = AsyncLocalStorage.snapshot();
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly ledger: TaskLedger,
    private readonly settings: DeliverySettings,
  ) {
    this.everyMs = Math.min(LONGEST_BEAT_MS, settings.leaseMs / 4);
  }

  async onApplicationShutdown(): Promise<void> {
    clearTimeout(this.timer);
    await this.beating;
  }

  /** Keeps a task that was claimed, until it is released. */
  hold(claimed: ClaimedTask): HeldTask {
    const held = new HeldTask(claimed, this.ledger, this.settings.clock);
    this.held.set(held, 0);
    this.timer ??= this.inOwnContext(() => this.wait());
    return held;
  }

  release(held: HeldTask): void {
    this.held.delete(held);
    held.lease.close();
  }

  /** Extends all leases now, and hears what has changed. Never fails: a lease that cannot be extended runs out. */
  beat(): Promise<void> {
    this.beating ??= this.extend().finally(() => {
      this.beating = undefined;
    });
    return this.beating;
  }

  private wait(): NodeJS.Timeout {
    return setTimeout(() => void this.beatOn(), this.everyMs);
  }

  private async beatOn(): Promise<void> {
    await this.beat();
    this.timer = this.held.size > 0 ? this.wait() : undefined;
  }

  private async extend(): Promise<void> {
    const tasks = [...this.held.keys()];
    if (tasks.length === 0) return;
    const sinceMs = this.settings.clock.monotonicMs();
    try {
      const beats = tasks.map((held) => this.beatOf(held));
      const rows = await this.database.transaction((tx) => extendLeases(tx, beats, this.settings.leaseMs), {
        durable: false,
      });
      const kept = new Map(rows.map((row) => [row.task_id, row]));
      for (const held of tasks) {
        // One that has been let go of meanwhile is nobody's, and nobody works on it.
        if (this.held.has(held)) held.lease.extended(kept.get(held.claimed.task.task_id), sinceMs);
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'leases could not be extended');
    }
  }

  private beatOf(held: HeldTask): Beat {
    const { task, holder } = held.claimed;
    const bytes = held.bytesTaken();
    const moved = bytes !== this.held.get(held);
    this.held.set(held, bytes);
    return {
      taskId: task.task_id,
      uploadId: task.upload_id,
      holder,
      bytes: moved ? bytes : undefined,
    };
  }
}
