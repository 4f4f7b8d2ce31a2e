import { Injectable, Logger } from '@nestjs/common';
import { STORAGE_CODES } from '../../resilience/classify-failure.js';
import { type PlacedFile, StorageGateway } from '../../storage/storage-gateway.service.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { attemptResult } from '../worker/attempt-account.js';
import type { AttemptOutcome } from '../worker/attempt-outcome.js';
import { type DoubtAnswers, Doubts } from '../worker/doubts.service.js';
import type { HeldTask } from '../worker/held-task.js';
import { outcomeOfFailure } from '../worker/task-failure.js';

/**
 * Removes what elements have of a file that another one said it has: it was sent to them before, and they died, or lost
 * their answer, or were still busy with it. They are the doubtful targets of the task.
 */
@Injectable()
export class RemovalWork {
  private readonly logger = new Logger(RemovalWork.name);

  constructor(
    private readonly storage: StorageGateway,
    private readonly doubts: Doubts,
    private readonly settings: DeliverySettings,
  ) {}

  /** Tries once. @throws LeaseLost, QUEUE_UNAVAILABLE: then nothing may be written down about it. */
  async attempt(held: HeldTask): Promise<AttemptOutcome> {
    try {
      await held.savePhase('asking');
      const answers = await this.doubts.ask(held.claimed.upload, [...held.doubtfulTargets], held.signal);
      held.requireHeld();
      if (answers.found.length > 0 && !(await this.isStored(held))) return this.leaveAlone(held);
      for (const copy of answers.found) await this.remove(held, copy);
      return this.outcomeOf(held, answers);
    } catch (error) {
      return outcomeOfFailure(held, error, STORAGE_CODES);
    }
  }

  /** Is the file still where it was said to be? A copy is removed only then. */
  private async isStored({ claimed: { upload }, signal }: HeldTask): Promise<boolean> {
    const { uploadId, storedAt, fileId } = upload;
    if (storedAt === null || fileId === null) throw new Error(`Upload ${uploadId} is not stored`);
    return (await this.storage.stat({ targets: [storedAt], fileId, signal })) !== undefined;
  }

  /** What was a copy is the only one now. */
  private leaveAlone(held: HeldTask): AttemptOutcome {
    const { uploadId, storedAt } = held.claimed.upload;
    this.logger.warn({ upload_id: uploadId, target: storedAt }, 'a file is gone from where it was stored');
    held.doubtfulTargets.clear();
    return { kind: 'succeeded' };
  }

  private async remove(held: HeldTask, { target, file: { fileId } }: PlacedFile): Promise<void> {
    await held.beginAttempt(target);
    try {
      await this.storage.remove({ targets: [target], fileId, signal: held.signal });
    } catch (error) {
      held.endAttempt(attemptResult(error));
      throw error;
    }
    held.endAttempt({ outcome: 'removed', code: null, statusCode: null, detail: null });
    held.doubtfulTargets.delete(target);
  }

  /** Other bytes under its id are not a copy, and "it is not here" is believed only of one that has had its time. */
  private outcomeOf(held: HeldTask, { silent, conflicts, retryAfterMs }: DoubtAnswers): AttemptOutcome {
    for (const target of conflicts) held.doubtfulTargets.delete(target);
    if (silent.length > 0) return { kind: 'in_doubt', retryAfterMs };
    const withinMs = this.settings.believedInMs(held, held.claimed.upload.digest.size);
    if (held.doubtfulTargets.size > 0 && withinMs > 0) return { kind: 'in_doubt', withinMs };
    held.doubtfulTargets.clear();
    return { kind: 'succeeded' };
  }
}
