import { Injectable } from '@nestjs/common';
import { STORAGE_CODES } from '../../outbound/classify-failure.js';
import { isGivenUp } from '../upload-record.js';
import { type TaskKind, TaskKinds } from '../task-kinds.service.js';
import type { AttemptOutcome } from '../worker/attempt-outcome.js';
import type { HeldTask } from '../worker/held-task.js';
import { Reconciliation } from '../worker/reconciliation.service.js';
import { outcomeOfFailure } from '../worker/task-failure.js';

/**
 * Removes what elements have of a file that another one said it has: it was sent to them before, and they died, or lost
 * their answer, or were still busy with it.
 */
@Injectable()
export class RemovalWork implements TaskKind {
  readonly name = 'removal';
  readonly lanes: Readonly<Record<string, number>>;
  readonly doneAs = 'removed';
  readonly needsFile = false;
  readonly reconciles = true;
  /** Only one that may be at several elements. */
  readonly followsStored = false;

  constructor(
    private readonly reconciliation: Reconciliation,
    kinds: TaskKinds,
  ) {
    this.lanes = { removal: kinds.concurrency.small };
    kinds.add(this);
  }

  /** Tries once. @throws LeaseLost, QUEUE_UNAVAILABLE: then nothing may be written down about it. */
  async attempt(held: HeldTask): Promise<AttemptOutcome> {
    const { uploadId, storedAt, fileId } = held.claimed.upload;
    if (storedAt === null || fileId === null) throw new Error(`Upload ${uploadId} is not stored`);
    // Copies of what is over go by themselves, and its id may be another file's by now.
    if (isGivenUp(held.claimed.upload, new Date(held.nowMs))) held.locations.ruleOutAll();
    try {
      const outcome = await this.reconciliation.reconcile(held, { target: storedAt, fileId });
      return outcome ?? { kind: 'succeeded' };
    } catch (error) {
      return outcomeOfFailure(held, error, STORAGE_CODES);
    }
  }
}
