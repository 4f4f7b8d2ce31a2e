import { Inject, Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Caller } from '../auth/caller.js';
import { permissionsOf } from '../auth/permissions.js';
import type { Environment } from '../config/environment.js';
import { ServiceError } from '../errors/service-error.js';
import { UploadPipeline } from '../ingest/upload-pipeline.service.js';
import { UploadLimits } from '../ingest/upload-limits.js';
import type { UploadResult } from '../ingest/upload-result.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import type { UploadInfo } from './files/upload-info.js';
import type { OpenUpload } from './open-upload.js';
import { OpenUploads } from './open-uploads.service.js';
import type { NewUpload, UploadState } from './resumable-upload.js';
import { ended } from './resumption-errors.js';
import type { Turn } from './turns.js';
import { UploadCompletions } from './upload-completions.service.js';
import { UploadFence } from './upload-fence.service.js';
import { UploadJoins } from './upload-joins.service.js';
import { UploadIndex } from './upload-index.service.js';

/** An upload that one request has for itself. */
export interface HeldUpload {
  readonly upload: OpenUpload;
  readonly turn: Turn;
}

/** How often an upload is found anew that others take at the same time. */
const MOST_TRIES = 5;

/**
 * Uploads that come in several requests. Offsets are promises: bytes below one that was told need never be sent again, and are on
 * the disk. One request at a time is at work on an upload; a newer one ends it.
 */
@Injectable()
export class UploadResources {
  private readonly maxIdleMs: number;

  constructor(
    config: ConfigService<Environment, true>,
    private readonly open: OpenUploads,
    private readonly limits: UploadLimits,
    private readonly pipeline: UploadPipeline,
    private readonly fence: UploadFence,
    private readonly index: UploadIndex,
    private readonly joins: UploadJoins,
    private readonly completions: UploadCompletions,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.maxIdleMs = config.get('RESUMABLE_MAX_IDLE_MS', { infer: true });
  }

  /**
   * Creates an upload of no bytes.
   * @throws FILE_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR, RATE_LIMITED; NOT_FOUND for a part that is not there;
   * SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR
   */
  async create(wanted: NewUpload): Promise<UploadState> {
    const { uploadId, protocol, caller, kind, parts = [], head, note } = wanted;
    this.limits.checkDeclaredBytes(head.length);
    if (kind !== 'part') this.limits.checkDeclaredType(head.contentType);
    const length = kind === 'joined' ? await this.joins.lengthOf(parts, caller) : head.length;
    this.limits.checkDeclaredBytes(length);
    this.index.admit(caller.subject, length ?? 0);
    const { declaredSha256 } = head;
    const file = this.pipeline.describe(uploadId, head, caller);
    const info: UploadInfo = { protocol, kind, parts, file, length, declaredSha256, note };
    const upload = await this.open.create(uploadId, info);
    this.index.add(uploadId, info);
    return this.stateOf(upload);
  }

  /**
   * An upload as it is now, all bytes of which are durable; a request that brings it bytes is ended.
   * @throws NOT_FOUND; UPLOAD_EXPIRED, UPLOAD_ENDED; SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR
   */
  async find(uploadId: string, caller: Caller): Promise<UploadState> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const { upload, turn } = await this.hold(uploadId, caller, false);
      try {
        if (!upload.end) await upload.sync();
        if (await this.isOurs(upload)) return this.stateOf(upload);
      } finally {
        turn.release();
      }
    }
    throw takenElsewhere();
  }

  /**
   * An upload for one request alone, which is to release it. Its owner and admins find it.
   * @throws NOT_FOUND; UPLOAD_EXPIRED, UPLOAD_ENDED; UPLOAD_IN_PROGRESS where a newer request came first
   */
  hold(uploadId: string, caller: Caller, bringsBytes: boolean): Promise<HeldUpload> {
    return this.holdIf(uploadId, (info) => isVisibleTo(info, caller), bringsBytes);
  }

  /** Which protocol created an upload that the caller may see. @throws NOT_FOUND; SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async protocolOf(uploadId: string, caller: Caller): Promise<string> {
    const { info } = await this.open.find(uploadId, (seen) => isVisibleTo(seen, caller));
    return info.protocol;
  }

  /** Takes the file of an upload to its place, if all bytes are here. @throws as `hold`, and as `UploadPipeline.place` */
  async completeNow(uploadId: string): Promise<void> {
    const { upload, turn } = await this.holdIf(uploadId, () => true, false);
    turn.release();
    if (upload.isComplete && upload.info.kind !== 'part') await this.outcomeOf(upload, false);
  }

  private async holdIf(
    uploadId: string,
    maySee: (info: UploadInfo) => boolean,
    bringsBytes: boolean,
  ): Promise<HeldUpload> {
    const upload = await this.open.find(uploadId, maySee);
    const turn = await upload.turns.take(bringsBytes);
    try {
      if (upload.end && upload.end.kind !== 'placed') throw ended(upload.end);
      await this.joins.update(upload);
      return { upload, turn };
    } catch (error) {
      turn.release();
      throw error;
    }
  }

  /** Removes an upload, and its bytes; a file that it became stays. @throws as `hold` */
  async remove(uploadId: string, caller: Caller): Promise<void> {
    const { upload, turn } = await this.hold(uploadId, caller, false);
    try {
      await upload.completion?.catch(() => undefined);
      await this.completions.end(upload, { kind: 'removed' });
      this.index.remove(uploadId);
    } finally {
      turn.release();
    }
  }

  /** Has nobody else taken the upload? Where somebody has, it is not known here any more. @throws QUEUE_UNAVAILABLE */
  async isOurs(upload: OpenUpload): Promise<boolean> {
    if (upload.end || (await this.fence.holds(upload.uploadId, upload.epoch))) return true;
    await this.open.forget(upload);
    return false;
  }

  /** What became of the file of a complete upload; where nothing has yet, it is taken to its place. */
  outcomeOf(upload: OpenUpload, wantsAsync: boolean, declaredSha256?: string): Promise<UploadResult> {
    this.index.remove(upload.uploadId);
    return this.completions.complete(upload, wantsAsync, declaredSha256);
  }

  stateOf(upload: OpenUpload): UploadState {
    const { uploadId, info, offset, length, end, isComplete, touchedAtMs } = upload;
    return {
      uploadId,
      protocol: info.protocol,
      kind: info.kind,
      parts: info.parts,
      offset: this.joins.offsetOf(upload) ?? offset,
      length: end?.kind === 'placed' ? end.length : length,
      isComplete,
      result: end?.kind === 'placed' ? end.result : undefined,
      expiresAtMs: isComplete && info.kind !== 'part' ? undefined : touchedAtMs + this.maxIdleMs,
      note: info.note,
    };
  }

  /** Bytes came, or are about to: the upload is given up later. */
  touch(upload: OpenUpload): void {
    upload.touchedAtMs = this.clock.wallMs();
  }
}

export function takenElsewhere(): ServiceError {
  return new ServiceError('UPLOAD_IN_PROGRESS', 'Another replica goes on with this upload.', {
    retryAfterMs: 1_000,
  });
}

/** Another caller's upload is to him as one that is not there. */
function isVisibleTo({ file }: UploadInfo, caller: Caller): boolean {
  return file.uploadedBy === caller.subject || permissionsOf(caller).has('admin:write');
}
