import { Injectable } from '@nestjs/common';
import { STORAGE_CODES } from '../../resilience/classify-failure.js';
import { isFinalAnswer } from '../../resilience/final-answer.js';
import { expiryOf } from '../../storage/expiry.js';
import type { PlacedFile } from '../../storage/storage-gateway.service.js';
import { StorageGateway } from '../../storage/storage-gateway.service.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import { AcceptedFiles } from '../spool/accepted-files.service.js';
import { SpoolFileMissing } from '../spool/spool-damaged.js';
import { attemptResult, mayBeStored } from './attempt-account.js';
import { type AttemptOutcome, codeOf } from './attempt-outcome.js';
import { Doubts } from './doubts.service.js';
import { FencedBody } from './fenced-body.js';
import type { HeldTask } from './held-task.js';
import { outcomeOfFailure } from './task-failure.js';

/** Brings one accepted file to a storage element. */
@Injectable()
export class DeliveryWork {
  constructor(
    private readonly storage: StorageGateway,
    private readonly files: AcceptedFiles,
    private readonly doubts: Doubts,
    private readonly settings: DeliverySettings,
  ) {}

  /**
   * Tries once, over all elements that fit. What may have been stored is asked for before anything is sent.
   * @throws LeaseLost, QUEUE_UNAVAILABLE: then nothing may be written down about it.
   */
  async attempt(held: HeldTask): Promise<AttemptOutcome> {
    const { task, upload } = held.claimed;
    if (held.doubtfulTargets.size > 0) {
      const outcome = await this.resolveDoubts(held);
      if (outcome) return outcome;
    }
    if (task.cancel_requested_at) return { kind: 'cancelled' };
    const expiry = expiryOf(upload.file);
    if (expiry && expiry.getTime() <= held.nowMs) return { kind: 'expired' };
    return this.send(held);
  }

  /** Undefined where it is certain now that no element has the file. */
  private async resolveDoubts(held: HeldTask): Promise<AttemptOutcome | undefined> {
    const { task, upload } = held.claimed;
    await held.savePhase('asking');
    const answers = await this.doubts.ask(upload, [...held.doubtfulTargets], held.signal);
    held.requireHeld();
    // What is not this file is not to be cancelled either.
    if (answers.conflicts.length > 0 && !task.cancel_requested_at)
      return { kind: 'refused', reason: 'CONFLICT' };
    if (answers.silent.length > 0) return { kind: 'in_doubt', retryAfterMs: answers.retryAfterMs };
    const [kept, ...doubles] = answers.found;
    const withinMs = this.settings.believedInMs(held, upload.digest.size);
    if (!kept && withinMs > 0) return { kind: 'in_doubt', withinMs };
    for (const double of doubles) await this.doubts.withdraw(double, held.signal);
    held.doubtfulTargets.clear();
    if (kept) return this.stored(held, kept);
    await held.savePhase(task.cancel_requested_at ? 'asking' : 'queued');
    return undefined;
  }

  private async send(held: HeldTask): Promise<AttemptOutcome> {
    const { upload } = held.claimed;
    try {
      if (upload.spoolFile === null) throw new SpoolFileMissing();
      const file = await this.files.open(upload.spoolFile, upload.digest);
      const body = new FencedBody(
        file,
        () => held.requireHeld(),
        () => held.handedOver(),
      );
      held.bytesTaken = () => body.bytesTaken;
      const placed = await this.put(held, body);
      held.endAttempt({ outcome: 'stored', code: null, statusCode: null, detail: null });
      return await this.stored(held, placed);
    } catch (error) {
      return this.afterFailure(held, error);
    }
  }

  private put(held: HeldTask, body: FencedBody): Promise<PlacedFile> {
    const { file } = held.claimed.upload;
    const call = this.storage.putCall(file.retentionPolicy, file, body, held.signal);
    held.candidates = call.targets;
    call.watcher = {
      begins: (target) => held.beginAttempt(target),
      failed: (target, error) => {
        held.endAttempt(attemptResult(error));
        // What it says of the file is true at once then.
        if (isFinalAnswer(error)) held.answered();
        if (!mayBeStored(error, body.handedOver)) held.doubtfulTargets.delete(target);
      },
    };
    // A file that may be somewhere is sent nowhere else before that is known.
    return this.storage.put({ ...call, canRepeat: () => held.doubtfulTargets.size === 0 });
  }

  private async afterFailure(held: HeldTask, error: unknown): Promise<AttemptOutcome> {
    const outcome = outcomeOfFailure(held, error, STORAGE_CODES);
    if (held.doubtfulTargets.size === 0) return outcome;
    if (outcome.kind === 'cancelled') return { kind: 'in_doubt' };
    // The id is taken: by this very file, or by another one.
    if (codeOf(error) === 'CONFLICT') return (await this.resolveDoubts(held)) ?? outcome;
    return outcome;
  }

  /** An owner who no longer wants the file gets his wish where the element lets us, and else the truth. */
  private async stored(held: HeldTask, placed: PlacedFile): Promise<AttemptOutcome> {
    const { target, file } = placed;
    held.doubtfulTargets.clear();
    if (held.lease.isUnwanted && (await this.doubts.withdraw(placed, new AbortController().signal))) {
      return { kind: 'cancelled' };
    }
    return { kind: 'succeeded', stored: { target, fileId: file.fileId } };
  }
}
