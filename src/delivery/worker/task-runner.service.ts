import { Injectable, Logger } from '@nestjs/common';
import { errorTypeOf } from '../../observability/error-type.js';
import type { Span } from '../../observability/tracing.js';
import { TaskKinds } from '../task-kinds.service.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import type { ClaimedTask, HeldTask } from './held-task.js';
import { LeaseBeats } from './lease-beats.service.js';
import { Settlement } from './settlement.service.js';
import { LeaseLost } from './stop-reasons.js';
import { isUnavailable } from './task-failure.js';
import { TaskTelemetry } from './task-telemetry.service.js';

/** Works on one task from its claim to what becomes of it. */
@Injectable()
export class TaskRunner {
  private readonly logger = new Logger(TaskRunner.name);

  constructor(
    private readonly beats: LeaseBeats,
    private readonly kinds: TaskKinds,
    private readonly settlement: Settlement,
    private readonly telemetry: TaskTelemetry,
  ) {}

  /**
   * Does what a task asks for, once. `onHeld` gets the task while it is ours. Never fails: what cannot be written down is
   * done again by whoever claims the task when its lease has run out.
   */
  run(claimed: ClaimedTask, onHeld: (held: HeldTask) => void): Promise<void> {
    return this.telemetry.around(claimed, (span) => this.runOnce(claimed, onHeld, span));
  }

  /** Keeps all leases of this process now, and hears what has changed. Never fails. */
  beat(): Promise<void> {
    return this.beats.beat();
  }

  private async runOnce(claimed: ClaimedTask, onHeld: (held: HeldTask) => void, span: Span): Promise<void> {
    const held = this.beats.hold(claimed);
    try {
      onHeld(held);
      const outcome = await this.attempt(held);
      const step = await this.settlement.settle(held, outcome);
      this.telemetry.settled(held, { outcome, step }, span);
    } catch (error) {
      span.fail(errorTypeOf(error), true);
      this.tell(claimed, error);
    } finally {
      this.beats.release(held);
    }
  }

  /** A mistake of ours counts as an attempt, so that it ends where an operator sees it. */
  private async attempt(held: HeldTask): Promise<AttemptOutcome> {
    try {
      return await this.kinds.get(held.claimed.task.kind).attempt(held);
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

  private tell({ task: { task_id: taskId, lane } }: ClaimedTask, error: unknown): void {
    const about = { err: error, task_id: taskId, lane };
    if (error instanceof LeaseLost) this.logger.warn(about, 'a task was taken over by another process');
    else this.logger.warn(about, 'a task is left until its lease has run out');
  }
}
