import { Injectable, Logger } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { permissionsOf } from '../auth/permissions.js';
import { notKept } from '../body/spool-failure.js';
import { asError } from '../errors/as-error.js';
import { ServiceError } from '../errors/service-error.js';
import { giveWay } from './give-way.js';
import type { UploadInfo } from './files/upload-info.js';
import type { OpenUpload } from './open-upload.js';
import { OpenUploads } from './open-uploads.service.js';
import type { UploadState } from './resumable-upload.js';
import { ended, takenElsewhere } from './resumption-errors.js';
import type { Turn } from './turns.js';
import { UploadCompletions } from './upload-completions.service.js';
import { UploadIndex } from './upload-index.service.js';
import { UploadJoins } from './upload-joins.service.js';

/** An upload that one request has for itself. */
export interface HeldUpload {
  readonly upload: OpenUpload;
  readonly turn: Turn;
}

/** How often an upload is found anew that others take at the same time. */
const MOST_TRIES = 5;
const RETRY_AFTER_MS = 1_000;

/**
 * Uploads that come in several requests. Offsets are promises: bytes below one that was told need never be sent again, and are on
 * the disk. One request at a time is at work on an upload; a newer one ends it.
 */
@Injectable()
export class UploadResources {
  private readonly logger = new Logger(UploadResources.name);

  constructor(
    private readonly open: OpenUploads,
    private readonly index: UploadIndex,
    private readonly joins: UploadJoins,
    private readonly completions: UploadCompletions,
  ) {}

  /** Can no other process take an upload over? */
  get areAlone(): boolean {
    return this.open.isAlone;
  }

  /**
   * An upload as it is now, all bytes of which are durable; a request that brings it bytes is ended.
   * @throws NOT_FOUND; UPLOAD_EXPIRED, UPLOAD_ENDED; UPLOAD_IN_PROGRESS; SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR
   */
  async find(uploadId: string, caller: Caller): Promise<UploadState> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const { upload, turn } = await this.hold(uploadId, caller, false);
      try {
        if (await this.syncOurs(upload)) {
          this.completeSoon(upload);
          return upload.state;
        }
      } finally {
        turn.release();
      }
      await giveWay(tries);
    }
    // A client that asks and is told 409 gives its upload up.
    throw new ServiceError('BULKHEAD_FULL', 'Several replicas go on with this upload.', {
      retryAfterMs: RETRY_AFTER_MS,
    });
  }

  /** As `find`; undefined where there is none that the caller may see. @throws as `find`, without NOT_FOUND */
  findIfThere(uploadId: string, caller: Caller): Promise<UploadState | undefined> {
    return undefinedIfUnknown(this.find(uploadId, caller));
  }

  /** Makes the bytes durable of an upload that is held; false where another replica has it. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  private async syncOurs(upload: OpenUpload): Promise<boolean> {
    let failure: Error | undefined;
    await this.open.sync(upload).catch((error: unknown) => {
      failure = asError(error);
    });
    // What somebody else has may be gone by now.
    if (!(await this.open.isOurs(upload))) return false;
    if (failure && (await this.open.hasEndedElsewhere(upload))) return false;
    if (failure) throw failure;
    return true;
  }

  /** Which protocol created an upload; undefined where there is none that the caller may see. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async protocolOf(uploadId: string, caller: Caller): Promise<string | undefined> {
    const upload = await undefinedIfUnknown(this.open.find(uploadId, (seen) => isVisibleTo(seen, caller)));
    return upload?.info.protocol;
  }

  /** When an upload is given up unless more bytes come; no request is ended for the question. @throws as `hasEnded` */
  async expiresAt(uploadId: string, caller: Caller): Promise<number | undefined> {
    return (await this.open.find(uploadId, (info) => isVisibleTo(info, caller))).state.expiresAtMs;
  }

  /**
   * Has an upload ended without a file? No request is ended for the question.
   * @throws NOT_FOUND; SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR
   */
  async hasEnded(uploadId: string, caller: Caller): Promise<boolean> {
    const { end } = await this.open.find(uploadId, (info) => isVisibleTo(info, caller));
    return end !== undefined && end.kind !== 'placed';
  }

  /**
   * An upload for one request alone, which is to release it. Its owner and admins find it.
   * @throws NOT_FOUND; UPLOAD_EXPIRED, UPLOAD_ENDED; UPLOAD_IN_PROGRESS where a newer request came first
   */
  hold(uploadId: string, caller: Caller, bringsBytes: boolean): Promise<HeldUpload> {
    return this.holdIf(uploadId, (info) => isVisibleTo(info, caller), bringsBytes);
  }

  /** Removes an upload, and its bytes; a file that it became stays. @throws as `hold` */
  async remove(uploadId: string, caller: Caller): Promise<void> {
    const { upload, turn } = await this.hold(uploadId, caller, false);
    try {
      await upload.completion?.catch(() => undefined);
      await this.completions.end(upload, { kind: 'removed', hasFile: upload.end?.kind === 'placed' });
    } finally {
      turn.release();
    }
  }

  /** Removes a complete upload that nobody was told of, and that has not become a file. @throws as `hold` */
  async withdraw(uploadId: string, caller: Caller): Promise<void> {
    const { upload, turn } = await this.hold(uploadId, caller, false);
    try {
      if (upload.isComplete && !upload.end && !upload.completion)
        await this.completions.end(upload, { kind: 'removed', hasFile: false });
    } finally {
      turn.release();
    }
  }

  /** Gives an upload up that nobody has gone on with since then, in milliseconds since 1970. @throws as `hold` */
  async expire(uploadId: string, sinceMs: number): Promise<void> {
    if (this.open.isBusy(uploadId)) return;
    const { upload, turn } = await this.holdIf(uploadId, () => true, false);
    try {
      // Bytes may have come since it was looked at.
      if (upload.touchedAtMs > sinceMs || !(await this.open.isOurs(upload))) return;
      await this.completions.end(upload, { kind: 'expired' });
      this.logger.log({ upload_id: uploadId, bytes: upload.offset }, 'an upload was not completed in time');
    } finally {
      turn.release();
    }
  }

  /** Takes the file of an upload to its place, if all bytes are here. @throws as `hold`, and as `UploadPipeline.place` */
  async completeNow(uploadId: string): Promise<void> {
    if (this.open.isBusy(uploadId)) return;
    const { upload, turn } = await this.holdIf(uploadId, () => true, false);
    turn.release();
    if (upload.isComplete && upload.info.kind !== 'part') await this.completions.complete(upload, false);
  }

  /** Takes those to their place that waited for this part alone. Never fails: what cannot be completed now is so by the sweep. */
  async completeJoined(partId: string): Promise<void> {
    for (const joinedId of this.index.joinedFrom(partId)) {
      await this.completeNow(joinedId).catch((error: unknown) => {
        this.logger.warn({ err: error, upload_id: joinedId }, 'a joined upload was not completed');
      });
    }
  }

  /** Says that bytes of an upload that is held may be told. @throws UPLOAD_IN_PROGRESS where another replica has it; QUEUE_UNAVAILABLE */
  async confirm(upload: OpenUpload): Promise<void> {
    if (!(await this.open.isOurs(upload))) throw takenElsewhere();
  }

  /** See `OpenUploads`. @throws QUEUE_UNAVAILABLE */
  holds(upload: OpenUpload): Promise<boolean> {
    return this.open.holds(upload);
  }

  /** See `OpenUploads`; counts what there is now. */
  async touch(upload: OpenUpload): Promise<void> {
    this.index.grow(upload.uploadId, upload.offset);
    await this.open.touch(upload);
  }

  /** Nothing came of an upload that nobody was told of: there never was one. */
  async forgetUnseen(upload: OpenUpload): Promise<void> {
    if (!upload.bytes.isUnseen || upload.end) return;
    this.index.remove(upload.uploadId);
    await this.open.forget(upload);
  }

  /** Who asks for an upload that has ended is told what is written down of it. */
  async forgetEnded(upload: OpenUpload): Promise<void> {
    if (upload.isEndSaved) await this.open.forget(upload);
  }

  /** Makes the bytes durable of an upload that is held, and sees that they may be told. @throws as `confirm`; SPOOL_FULL, INTERNAL_ERROR */
  async settle(upload: OpenUpload): Promise<void> {
    const before = upload.offset;
    if (!(await this.syncOurs(upload))) throw takenElsewhere();
    // Some of them could not be made durable.
    if (upload.offset < before) throw notKept(new Error('a sync has failed'));
  }

  /** See `OpenUploads`. @throws QUEUE_UNAVAILABLE, SPOOL_FULL, INTERNAL_ERROR */
  cutBack(upload: OpenUpload, offset: number): Promise<void> {
    return this.open.cutBack(upload, offset);
  }

  /** Whoever was about to take it to its place may have been killed, and its client asks no more once it knows that all is here. */
  private completeSoon(upload: OpenUpload): void {
    if (!upload.isComplete || upload.end || upload.completion || upload.info.kind === 'part') return;
    this.completions.complete(upload, false).catch((error: unknown) => {
      this.logger.warn(
        { err: error, upload_id: upload.uploadId },
        'a complete upload has found no place yet',
      );
    });
  }

  /** One that another replica has taken meanwhile is found anew, as it is now. */
  private async holdIf(
    uploadId: string,
    maySee: (info: UploadInfo) => boolean,
    bringsBytes: boolean,
  ): Promise<HeldUpload> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const upload = await this.open.find(uploadId, maySee);
      const turn = await upload.turns.take(bringsBytes);
      try {
        if (upload.end && upload.end.kind !== 'placed') throw ended(upload.end);
        if (await this.open.isOurs(upload)) {
          await this.joins.update(upload);
          return { upload, turn };
        }
      } catch (error) {
        turn.release();
        throw error;
      }
      turn.release();
      await giveWay(tries);
    }
    throw takenElsewhere();
  }
}

async function undefinedIfUnknown<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

/** Another caller's upload is to him as one that is not there. */
function isVisibleTo({ file }: UploadInfo, caller: Caller): boolean {
  return file.uploadedBy === caller.subject || permissionsOf(caller).has('admin:write');
}
