import { Injectable, Logger } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import { type PlacedFile, StorageGateway } from '../../storage/storage-gateway.service.js';
import type { ContentDigest, StoredFile } from '../../storage/storage-element.js';
import { DeliverySettings } from '../delivery-settings.service.js';
import type { Stored } from '../ledger/upload-rows.js';
import type { UploadRecord } from '../upload-record.js';
import { attemptResult } from './attempt-account.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import type { HeldTask } from './held-task.js';
import type { Location } from './possible-locations.js';
import { isRefusal } from './task-failure.js';

/** Where the file of an upload is to be: at one element, whichever has it; nowhere; or where it is stored. */
export type Wanted = 'anywhere' | 'nowhere' | Stored;

/** What an element says that may have a file. */
type Finding =
  | { readonly kind: 'file'; readonly placed: PlacedFile; readonly location: Location }
  /** We sent it, and it has not become the file: nobody else can have put it there. */
  | { readonly kind: 'spoilt'; readonly placed: PlacedFile }
  /** Other bytes under its id, which may be what another client was told is stored. */
  | { readonly kind: 'foreign'; readonly location: Location }
  /** Nothing, but it may still be busy with what it was sent. */
  | { readonly kind: 'busy'; readonly withinMs: number }
  | { readonly kind: 'absent' }
  /** It could not be asked. */
  | { readonly kind: 'silent'; readonly location: Location; readonly retryAfterMs: number };

type Of<Kind extends Finding['kind']> = Extract<Finding, { kind: Kind }>;

/** Answers one question for all kinds of tasks: where may the file of an upload be, and is it wanted there? */
@Injectable()
export class Reconciliation {
  private readonly logger = new Logger(Reconciliation.name);

  constructor(
    private readonly storage: StorageGateway,
    private readonly settings: DeliverySettings,
  ) {}

  /**
   * Asks all elements that may have the file, and removes from them what is not wanted there. Undefined where none has it
   * any more, beside the one where it is stored. A copy that is found beside the wanted one stays a possible location.
   * @throws LeaseLost, QUEUE_UNAVAILABLE; what an element fails with that does not let a file be removed
   */
  async reconcile(held: HeldTask, wanted: Wanted): Promise<AttemptOutcome | undefined> {
    if (typeof wanted === 'object') held.locations.keepSent();
    if (held.locations.isEmpty) return undefined;
    const findings = await Promise.all(
      held.locations.all.map((location) => this.ask(held, location, wanted)),
    );
    held.requireHeld();
    const files = only(findings, 'file');
    const kept = keptOf(files, wanted);
    if (kept) return stored(held, kept.placed);
    if (files.length > 0 && (await this.isGone(held, wanted))) return this.leaveAlone(held);
    for (const { placed, location } of files) {
      // One that may have been there before is nobody's copy.
      if (location.unverified) held.locations.ruleOut(location.target);
      else if (!(await this.hasRemoved(held, placed, wanted))) return stored(held, placed);
    }
    for (const { placed } of only(findings, 'spoilt')) await this.remove(held, placed);
    return outcomeOf(held, findings, wanted);
  }

  private async ask(held: HeldTask, location: Location, wanted: Wanted): Promise<Finding> {
    const { target } = location;
    const { upload } = held.claimed;
    try {
      const file = await this.storage.stat({
        targets: [target],
        fileId: upload.uploadId,
        signal: held.signal,
      });
      return file ? findingOf({ target, file }, location, upload, wanted) : this.nothingAt(held, location);
    } catch (error) {
      this.logger.warn(
        { err: error, target, upload_id: upload.uploadId },
        'an element does not say what it has',
      );
      const retryAfterMs = error instanceof ServiceError ? (error.options.retryAfterMs ?? 0) : 0;
      return { kind: 'silent', location, retryAfterMs };
    }
  }

  /** "It is not here" is believed only of one that has had its time. */
  private nothingAt(held: HeldTask, { target, lastByteAt }: Location): Finding {
    const withinMs = lastByteAt + this.settings.commitMs(held.claimed.upload.digest.size) - held.nowMs;
    if (withinMs > 0) {
      held.locations.verified(target);
      return { kind: 'busy', withinMs };
    }
    held.locations.ruleOut(target);
    return { kind: 'absent' };
  }

  /** Is the file not where it was said to be any more, or another one? A copy is removed only where it is. */
  private async isGone({ signal, claimed }: HeldTask, wanted: Wanted): Promise<boolean> {
    if (typeof wanted === 'string') return false;
    const { target, fileId } = wanted;
    const file = await this.storage.stat({ targets: [target], fileId, signal });
    return !file || !isSame(file, claimed.upload.digest, false);
  }

  /** What was a copy is the only one now. */
  private leaveAlone(held: HeldTask): undefined {
    const { uploadId, storedAt } = held.claimed.upload;
    this.logger.warn({ upload_id: uploadId, target: storedAt }, 'a file is gone from where it was stored');
    held.locations.ruleOutAll();
  }

  /** An owner who wants his file no more gets his wish where the element lets us, and else the truth. */
  private async hasRemoved(held: HeldTask, placed: PlacedFile, wanted: Wanted): Promise<boolean> {
    try {
      await this.remove(held, placed);
      return true;
    } catch (error) {
      if (wanted !== 'nowhere' || !isRefusal(error)) throw error;
      return false;
    }
  }

  private async remove(held: HeldTask, { target, file: { fileId } }: PlacedFile): Promise<void> {
    await held.beginAttempt(target);
    // The answer of the database may have taken its time.
    held.requireHeld();
    try {
      await this.storage.remove({ targets: [target], fileId, signal: held.signal });
    } catch (error) {
      held.endAttempt(attemptResult(error));
      throw error;
    }
    held.endAttempt({ outcome: 'removed', code: null, statusCode: null, detail: null });
    held.locations.ruleOut(target);
  }
}

/** What one has under the id of the upload. */
function findingOf(placed: PlacedFile, location: Location, upload: UploadRecord, wanted: Wanted): Finding {
  const { file } = placed;
  const { digest, owner, idIsCallers } = upload;
  const isOwners = file.uploadedBy === undefined || file.uploadedBy === owner;
  // One without a checksum is taken for the file by its size, but not where another client may have put it there.
  const needsProof = location.unverified || (idIsCallers && wanted !== 'anywhere');
  if (isOwners && isSame(file, digest, needsProof)) return { kind: 'file', placed, location };
  return isOwners && !idIsCallers ? { kind: 'spoilt', placed } : { kind: 'foreign', location };
}

function isSame({ size, sha256 }: StoredFile, digest: ContentDigest, needsProof: boolean): boolean {
  return size === digest.size && (sha256 === undefined ? !needsProof : sha256 === digest.sha256);
}

/** One that may have been there before was promised to somebody, whatever its owner wants now. */
function keptOf(files: readonly Of<'file'>[], wanted: Wanted): Of<'file'> | undefined {
  if (typeof wanted === 'object') return undefined;
  const [first] = files;
  return files.find(({ location }) => location.unverified) ?? (wanted === 'anywhere' ? first : undefined);
}

/** What is left of locations are copies then: of what we sent. */
function stored(held: HeldTask, { target, file: { fileId } }: PlacedFile): AttemptOutcome {
  held.locations.ruleOut(target);
  held.locations.keepSent();
  return { kind: 'succeeded', stored: { target, fileId } };
}

/** What is to be done about what could be neither kept nor removed. */
function outcomeOf(
  { locations }: HeldTask,
  findings: readonly Finding[],
  wanted: Wanted,
): AttemptOutcome | undefined {
  const isForeign = only(findings, 'foreign');
  if (isForeign.length > 0 && wanted !== 'nowhere') return { kind: 'refused', reason: 'CONFLICT' };
  // What is not this file is not to be cancelled, and an owner who wants his no more waits only for what was sent.
  for (const { location } of isForeign) locations.ruleOut(location.target);
  const silent = only(findings, 'silent');
  const awaited = silent.filter(({ location }) => wanted !== 'nowhere' || location.sent);
  if (awaited.length > 0)
    return { kind: 'in_doubt', retryAfterMs: Math.max(...awaited.map(({ retryAfterMs }) => retryAfterMs)) };
  for (const { location } of silent) locations.ruleOut(location.target);
  const busy = only(findings, 'busy').map(({ withinMs }) => withinMs);
  return busy.length > 0 ? { kind: 'in_doubt', withinMs: Math.max(...busy) } : undefined;
}

function only<Kind extends Finding['kind']>(findings: readonly Finding[], kind: Kind): Of<Kind>[] {
  return findings.filter((finding): finding is Of<Kind> => finding.kind === kind);
}
