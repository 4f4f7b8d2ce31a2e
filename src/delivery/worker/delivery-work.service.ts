import { Injectable, Logger } from '@nestjs/common';
import { STORAGE_CODES } from '../../outbound/classify-failure.js';
import { isFinalAnswer } from '../../outbound/final-answer.js';
import { expiryOf } from '../../storage/expiry.js';
import type { PlacedFile } from '../../storage/storage-gateway.service.js';
import { StorageGateway } from '../../storage/storage-gateway.service.js';
import type { DeliveryLane } from '../lanes.js';
import type { Stored } from '../ledger/upload-rows.js';
import type { AcceptedBody } from '../spool/accepted-body.js';
import { AcceptedFiles } from '../spool/accepted-files.service.js';
import { SpoolFileMissing } from '../spool/spool-damaged.js';
import { type TaskKind, TaskKinds } from '../task-kinds.service.js';
import { attemptResult, mayBeStored } from './attempt-account.js';
import { type AttemptOutcome, codeOf } from './attempt-outcome.js';
import type { HeldTask } from './held-task.js';
import { Reconciliation } from './reconciliation.service.js';
import { isRefusal, outcomeOfFailure } from './task-failure.js';

/** Brings one accepted file to a storage element. */
@Injectable()
export class DeliveryWork implements TaskKind {
  readonly name = 'delivery';
  readonly lanes: Readonly<Record<DeliveryLane, number>>;
  readonly doneAs = 'delivered';
  readonly needsFile = true;
  readonly reconciles = true;
  readonly followsStored = false;
  private readonly logger = new Logger(DeliveryWork.name);

  constructor(
    private readonly storage: StorageGateway,
    private readonly files: AcceptedFiles,
    private readonly reconciliation: Reconciliation,
    kinds: TaskKinds,
  ) {
    const { small, large } = kinds.concurrency;
    this.lanes = {
      'small-temporary': small,
      'small-permanent': small,
      'large-temporary': large,
      'large-permanent': large,
    };
    kinds.add(this);
  }

  /**
   * Tries once, over all elements that fit. Where it may be stored already is asked before anything is sent: all elements,
   * where the id is the caller's, for another replica may have stored it at once meanwhile.
   * @throws LeaseLost, QUEUE_UNAVAILABLE: then nothing may be written down about it.
   */
  async attempt(held: HeldTask): Promise<AttemptOutcome> {
    if (held.claimed.upload.idIsCallers && !isCancelled(held))
      held.locations.suspect(this.storage.writtenTargets());
    const outcome = await this.reconcile(held);
    if (outcome) return outcome;
    if (isCancelled(held)) return { kind: 'cancelled' };
    const expiry = expiryOf(held.claimed.upload.file);
    if (expiry && expiry.getTime() <= held.nowMs) return { kind: 'expired' };
    return this.send(held);
  }

  /** Undefined where it is certain now that no element has the file. */
  private async reconcile(held: HeldTask): Promise<AttemptOutcome | undefined> {
    try {
      return await this.reconciliation.reconcile(held, isCancelled(held) ? 'nowhere' : 'anywhere');
    } catch (error) {
      return outcomeOfFailure(held, error, STORAGE_CODES);
    }
  }

  private async send(held: HeldTask): Promise<AttemptOutcome> {
    const { upload } = held.claimed;
    try {
      if (upload.spoolFile === null) throw new SpoolFileMissing();
      const body = await this.files.open(upload.spoolFile, upload.digest, {
        mayFinish: () => held.requireHeld(),
        finished: () => held.handedOver(),
      });
      held.bytesTaken = () => body.bytesTaken;
      const placed = await this.put(held, body);
      held.endAttempt({ outcome: 'stored', code: null, statusCode: null, detail: null });
      return await this.stored(held, placed);
    } catch (error) {
      return this.afterFailure(held, error);
    }
  }

  private put(held: HeldTask, body: AcceptedBody): Promise<PlacedFile> {
    const { file, idIsCallers } = held.claimed.upload;
    const call = this.storage.putCall(file.retentionPolicy, file, body, held.signal);
    held.candidates = call.targets;
    call.watcher = {
      begins: (target) => {
        body.beginAttempt();
        return held.beginSending(target);
      },
      failed: (target, error) => {
        held.endAttempt(attemptResult(error));
        // What it says of the file is true at once then.
        if (isFinalAnswer(error)) held.locations.answered(target);
        if (codeOf(error) === 'CONFLICT' && idIsCallers) held.locations.taken(target);
        else if (!mayBeStored(error, body.handedOver)) held.locations.ruleOut(target);
      },
    };
    call.checkpointAt = (target) => held.checkpointAt(target, (former) => this.storage.discard(former));
    // A file that may be somewhere is sent nowhere else before that is known.
    const canRepeat = (): boolean => held.locations.isEmpty;
    return this.storage.put({ ...call, idIsCallers, mayRemove: () => held.lease.isHeld, canRepeat });
  }

  private async afterFailure(held: HeldTask, error: unknown): Promise<AttemptOutcome> {
    const outcome = outcomeOfFailure(held, error, STORAGE_CODES);
    if (held.locations.isEmpty) return outcome;
    if (outcome.kind === 'cancelled') return { kind: 'in_doubt' };
    // The id is taken: by this very file, or by another one.
    if (codeOf(error) === 'CONFLICT') return (await this.reconcile(held)) ?? outcome;
    return outcome;
  }

  /** An owner who no longer wants the file gets his wish where the element lets us, and else the truth. */
  private async stored(held: HeldTask, { target, file: { fileId } }: PlacedFile): Promise<AttemptOutcome> {
    const succeeded = { kind: 'succeeded', stored: { target, fileId } } as const;
    if (held.lease.isUnwanted) {
      const outcome = await this.withdraw(held, succeeded.stored);
      if (outcome) return outcome;
    }
    held.locations.ruleOut(target);
    return succeeded;
  }

  /** Not with the signal of the lease, which the wish to cancel may have aborted. Undefined where the file stays. */
  private async withdraw(held: HeldTask, { target, fileId }: Stored): Promise<AttemptOutcome | undefined> {
    held.locations.answered(target);
    try {
      await this.storage.remove({ targets: [target], fileId, signal: new AbortController().signal });
    } catch (error) {
      this.logger.warn({ err: error, target, file_id: fileId }, 'a cancelled file is not removed');
      return isRefusal(error) ? undefined : { kind: 'in_doubt' };
    }
    held.locations.ruleOut(target);
    return { kind: 'cancelled' };
  }
}

function isCancelled({ claimed: { task } }: HeldTask): boolean {
  return task.cancel_requested_at !== null;
}
