import { Injectable } from '@nestjs/common';
import type { StoredFile } from '../../storage/storage-element.js';
import type { UploadRecord } from '../upload-record.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import { type DoubtAnswers, Doubts } from './doubts.service.js';
import type { HeldTask } from './held-task.js';

/**
 * Asks those elements that could not be asked, when an upload came in, whether they have a file of its id. What they have
 * was not sent by its delivery: it may be what another client was told is stored, so that it is never removed.
 */
@Injectable()
export class UnaskedTargets {
  constructor(private readonly doubts: Doubts) {}

  /**
   * Undefined where there is none, or it is certain now that none of them has such a file. To be called before doubts are
   * resolved, which may remove what they find. @throws LeaseLost, CancelRequested, QUEUE_UNAVAILABLE
   */
  async resolve(held: HeldTask): Promise<AttemptOutcome | undefined> {
    if (held.unaskedTargets.size === 0) return undefined;
    await held.savePhase('asking');
    const targets = [...held.unaskedTargets];
    const answers = await this.doubts.ask(held.claimed.upload, targets, held.signal, isSameUpload);
    held.requireHeld();
    const [kept] = answers.found;
    if (!kept) return afterNothingFound(held, answers);
    await this.removeCopies(held);
    return { kind: 'succeeded', stored: { target: kept.target, fileId: kept.file.fileId } };
  }

  /** The file was there before it was sent anywhere else; what others have of it is of no use, as far as they say. */
  private async removeCopies(held: HeldTask): Promise<void> {
    const sent = [...held.doubtfulTargets].filter((target) => !held.unaskedTargets.has(target));
    const { found: copies } = await this.doubts.ask(held.claimed.upload, sent, held.signal);
    for (const copy of copies) await this.doubts.withdraw(copy, held.signal);
    held.unaskedTargets.clear();
    held.doubtfulTargets.clear();
  }
}

async function afterNothingFound(
  held: HeldTask,
  { conflicts, silent, retryAfterMs }: DoubtAnswers,
): Promise<AttemptOutcome | undefined> {
  const isCancelled = held.claimed.task.cancel_requested_at !== null;
  if (conflicts.length > 0 && !isCancelled) return { kind: 'refused', reason: 'CONFLICT' };
  // What is not this file is not to be asked for as if we had sent it.
  for (const target of conflicts) held.doubtfulTargets.delete(target);
  for (const target of held.unaskedTargets) if (!silent.includes(target)) held.unaskedTargets.delete(target);
  // An owner who wants the file no more waits only for those that were sent it.
  const awaited = isCancelled ? silent.filter((target) => held.doubtfulTargets.has(target)) : silent;
  if (awaited.length > 0) return { kind: 'in_doubt', retryAfterMs };
  await held.savePhase(isCancelled ? 'asking' : 'queued');
  return undefined;
}

/** As whoever repeats an upload has to fulfil: without a checksum, nobody says that it is this file. */
function isSameUpload({ size, sha256, uploadedBy }: StoredFile, { digest, owner }: UploadRecord): boolean {
  const sameOwner = uploadedBy === undefined || uploadedBy === owner;
  return sameOwner && size === digest.size && sha256 === digest.sha256;
}
