import { Injectable } from '@nestjs/common';
import { asError } from '../errors/as-error.js';
import { ServiceError } from '../errors/service-error.js';
import type { ActiveUpload } from '../ingest/active-uploads.service.js';
import { AdmissionControl, type AdmittedUpload } from '../ingest/admission-control.service.js';
import { UploadLimits } from '../ingest/upload-limits.js';
import type { UploadResult } from '../ingest/upload-result.js';
import { AppendSink, noRoom } from './append-sink.js';
import { MemoryTarget } from './files/append-target.js';
import { SegmentFile } from './files/segment-file.js';
import type { OpenUpload } from './open-upload.js';
import type { Append, AppendPump, Bringer, UploadState } from './resumable-upload.js';
import { UploadCompletions } from './upload-completions.service.js';
import { type HeldUpload, UploadResources } from './upload-resources.service.js';

/** What a request came to that brought bytes, or might have. */
export interface AppendOutcome {
  readonly state: UploadState;
  /** What became of the file, where the upload is complete. */
  readonly result?: UploadResult | undefined;
  readonly outcome: UploadResult['outcome'] | 'received';
}

/** What an upload ends with that is sent more than its length. */
const OVERFLOWN = {
  kind: 'refused',
  code: 'FILE_TOO_LARGE',
  detail: 'more bytes came than it has.',
} as const;

/** Takes bytes for uploads. */
@Injectable()
export class UploadAppends {
  constructor(
    private readonly resources: UploadResources,
    private readonly admission: AdmissionControl,
    private readonly limits: UploadLimits,
    private readonly completions: UploadCompletions,
  ) {}

  /**
   * Takes the bytes that `plan` decides on, which sees the upload as it is when the request has it for itself; undefined: there
   * are none, and only what became of the upload is asked. Bytes that came before a failure stay, unless they are to be checked
   * as a whole. The last byte takes the file to its place.
   * @throws what `plan` throws; NOT_FOUND, UPLOAD_EXPIRED, UPLOAD_ENDED, UPLOAD_IN_PROGRESS; FILE_TOO_LARGE, DIGEST_MISMATCH,
   * UNSUPPORTED_MEDIA_TYPE; SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR; as `AdmissionControl.run` and `UploadPipeline.place`
   */
  async append(
    uploadId: string,
    bringer: Bringer,
    plan: (state: UploadState) => Append | undefined,
  ): Promise<AppendOutcome> {
    const held = await this.resources.hold(uploadId, bringer.caller, true);
    try {
      const append = await this.planFor(held.upload, plan);
      this.limits.checkDeclaredBytes(append?.length);
      if (append) await this.refuseOverflow(held.upload, append);
      return append ? await this.admit(held, bringer, append) : await this.settle(held, bringer);
    } catch (error) {
      await this.resources.forgetUnseen(held.upload);
      throw error;
    } finally {
      held.turn.release();
    }
  }

  private async planFor(
    upload: OpenUpload,
    plan: (state: UploadState) => Append | undefined,
  ): Promise<Append | undefined> {
    const { resumed, conflicts } = this.completions.index.metrics;
    try {
      const append = plan(upload.state);
      if (append && upload.offset > 0) resumed.inc();
      return append;
    } catch (error) {
      if (!(error instanceof ServiceError && error.code === 'OFFSET_MISMATCH')) throw error;
      conflicts.inc();
      // It tells the offset, which is a promise.
      await this.resources.settle(upload);
      throw error;
    }
  }

  /** What is too much by its declaration is not read. @throws FILE_TOO_LARGE */
  private async refuseOverflow(upload: OpenUpload, append: Append): Promise<void> {
    const room = this.roomFor(upload, append);
    if ((append.declaredBytes ?? 0) <= room) return;
    if (append.onOverflow === 'end') await this.completions.end(upload, OVERFLOWN);
    throw noRoom(room);
  }

  private roomFor(upload: OpenUpload, { length }: Append): number {
    return (length ?? upload.length ?? this.limits.maxFileBytes) - upload.offset;
  }

  private admit(held: HeldUpload, bringer: Bringer, append: Append): Promise<AppendOutcome> {
    const { uploadId, info } = held.upload;
    const source = {
      protocol: info.protocol,
      uploadId,
      ...bringer,
      // Who waits for a place holds nobody up who comes after him.
      clientGone: AbortSignal.any([bringer.clientGone, held.turn.signal]),
      declaredBytes: append.declaredBytes,
      goesOn: true,
      open: () => append.pump,
    };
    return this.admission.run(source, async (admitted) => {
      await this.receiveInRoom(held, append, admitted);
      return this.settle(held, bringer, { append, active: admitted.active });
    });
  }

  /** What became of an upload that has all that was brought to it. */
  private async settle(
    held: HeldUpload,
    bringer: Bringer,
    { append, active }: { append?: Append; active?: ActiveUpload } = {},
  ): Promise<AppendOutcome> {
    const { upload, turn } = held;
    const { info } = upload;
    if (!upload.isComplete) {
      await this.resources.settle(upload);
      // A descriptor for each upload that somebody will go on with some time would soon be too many.
      await upload.bytes.close();
      return { state: upload.state, outcome: 'received' };
    }
    if (info.kind === 'part') return this.settlePart(held);
    const progress = active?.progress;
    progress?.goesOn();
    await this.resources.confirm(upload);
    // Whoever asks now is told that all bytes are here, and need not wait for their place.
    const placing = this.completions.complete(upload, bringer.wantsAsync, append?.digests?.(), progress);
    turn.release();
    // Where the service stops, a file whose bytes are all here is taken to its place by the next process.
    const result = await (active ? Promise.race([placing, aborted(active.signal)]) : placing);
    const { state } = upload;
    await this.resources.forgetEnded(upload);
    return { state, result, outcome: result.outcome };
  }

  private async settlePart({ upload, turn }: HeldUpload): Promise<AppendOutcome> {
    await this.resources.settle(upload);
    await upload.bytes.close();
    turn.release();
    await this.resources.completeJoined(upload.uploadId);
    return { state: upload.state, outcome: 'received' };
  }

  /** What lies in memory alone until it is at its place needs no room. @throws as `receive`; SPOOL_FULL, QUEUE_UNAVAILABLE */
  private async receiveInRoom(
    held: HeldUpload,
    append: Append,
    admitted: AdmittedUpload<AppendPump>,
  ): Promise<void> {
    const { upload } = held;
    if (upload.bytes.isUnseen) return this.receive(held, append, admitted);
    const known = append.length ?? upload.length ?? upload.offset;
    const room = this.completions.index.reserve(
      upload.uploadId,
      append.declaredBytes ?? known - upload.offset,
    );
    const received = (bytes: number): void => {
      admitted.received(bytes);
      room.received(bytes);
    };
    try {
      await this.receive(held, append, { ...admitted, received });
    } finally {
      room.release();
    }
  }

  private async receive(
    held: HeldUpload,
    append: Append,
    admitted: AdmittedUpload<AppendPump>,
  ): Promise<void> {
    const { upload, turn } = held;
    const { active, measured, received, pump } = admitted;
    const offset = upload.offset;
    await this.resources.touch(upload);
    const stop = (): void => active.abort(asError(turn.signal.reason));
    turn.signal.addEventListener('abort', stop, { once: true });
    // A newer request may have come while this one waited for its place.
    if (turn.signal.aborted) stop();
    const target = await this.targetFor(upload, append);
    const sink = new AppendSink(target, this.roomFor(upload, append), append, received);
    measured.counts(() => sink.bytes);
    await this.tellSynced(upload, target, append);
    try {
      active.signal.throwIfAborted();
      await pump(sink, active.signal);
      await this.keep(upload, append, target);
    } catch (error) {
      if (target instanceof MemoryTarget) await this.afterCollecting(upload, append, target);
      else await this.afterFailure(upload, { append, offset, hasOverflown: sink.hasOverflown });
      throw error;
    } finally {
      if (target instanceof SegmentFile) {
        target.onSynced = undefined;
        if (append.check) await target.close();
      }
    }
  }

  /**
   * Where bytes go. Those that complete a small file stay in memory, also where they are checked first; but those of an upload that
   * another process may take over are in a file before it is seen that none has: who takes it over sees them.
   */
  private async targetFor(upload: OpenUpload, append: Append): Promise<MemoryTarget | SegmentFile> {
    const { bytes } = upload;
    const { declaredBytes = Infinity } = append;
    const areOursAlone = bytes.isUnseen || this.resources.areAlone;
    if (areOursAlone && upload.isSmallWith(append)) return new MemoryTarget(bytes.collect(declaredBytes));
    return append.check ? bytes.stage() : bytes.writer();
  }

  /** Has it told how far the bytes are durable that still come. Where somebody else has the upload, or may have it, nothing is told. */
  private async tellSynced(
    upload: OpenUpload,
    target: MemoryTarget | SegmentFile,
    { onSynced, check }: Append,
  ): Promise<void> {
    if (!onSynced || check || target instanceof MemoryTarget) return;
    const start = upload.offset - target.size;
    // From now on only the end of this file is not durable.
    await upload.bytes.sync();
    target.onSynced = (bytes) => {
      void this.resources.holds(upload).then(
        (isOurs) => isOurs && onSynced(start + bytes),
        () => undefined,
      );
    };
  }

  private async keep(
    upload: OpenUpload,
    { isLast, length, check }: Append,
    target: MemoryTarget | SegmentFile,
  ): Promise<void> {
    if (target instanceof MemoryTarget) upload.bytes.hold(target.collected);
    else if (check) await upload.bytes.takeStaged(target);
    else await upload.bytes.count();
    await this.resources.touch(upload);
    upload.wasTold = isLast;
    const known = isLast ? upload.offset : length;
    if (known !== undefined && upload.length === undefined) {
      await upload.folder.saveLength(known);
      upload.length = known;
    }
    try {
      await this.completions.recognise(upload);
    } catch (error) {
      await this.completions.endIfRefused(upload, error);
      throw error;
    }
  }

  /** What has come of the last bytes stays, unless it had to be checked as a whole, or nobody knows of the upload. */
  private async afterCollecting(upload: OpenUpload, { check }: Append, target: MemoryTarget): Promise<void> {
    const { collected } = target;
    const { bytes } = upload;
    if (upload.end || check || bytes.isUnseen) {
      collected.release();
      return;
    }
    bytes.hold(collected);
    await bytes.spill();
    await this.resources.touch(upload);
  }

  private async afterFailure(
    upload: OpenUpload,
    { append, offset, hasOverflown }: { append: Append; offset: number; hasOverflown: boolean },
  ): Promise<void> {
    if (append.check) await upload.bytes.dropStaged();
    else await upload.bytes.count();
    await this.resources.touch(upload);
    if (hasOverflown && append.onOverflow === 'end') {
      await this.completions.end(upload, OVERFLOWN);
      return;
    }
    const goodUpTo = hasOverflown ? offset : upload.bytes.damagedFrom;
    if (goodUpTo === undefined || append.check) return;
    await this.resources.cutBack(upload, goodUpTo);
  }
}

/** @throws the reason of the signal */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(asError(signal.reason));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
