import { createHash, hash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { type Digest, DigestCheck } from '../body/digest-check.js';
import { notKept } from '../body/spool-failure.js';
import { Deliveries } from '../delivery/deliveries.service.js';
import { ERROR_CATALOGUE } from '../errors/catalogue.js';
import { ServiceError } from '../errors/service-error.js';
import { toServiceError } from '../errors/to-service-error.js';
import { MAX_WHOLE_BYTES } from '../ingest/whole-files.js';
import { UploadLimits } from '../ingest/upload-limits.js';
import type { UploadProgress } from '../ingest/upload-progress.js';
import { UploadPipeline } from '../ingest/upload-pipeline.service.js';
import type { UploadResult } from '../ingest/upload-result.js';
import { SegmentedBody } from './body/segmented-body.js';
import type { UploadEnd } from './files/upload-end.js';
import type { OpenUpload } from './open-upload.js';
import { ended } from './resumption-errors.js';
import { UploadIndex } from './upload-index.service.js';

/** Far below the age at which another replica takes a complete upload to its place. */
const TOUCH_EVERY_MS = 15_000;

/** Never aborts. */
const NEVER = new AbortController().signal;

/** What is to become of an upload. */
interface Wish {
  readonly upload: OpenUpload;
  readonly wantsAsync: boolean;
  readonly progress: UploadProgress | undefined;
}

/** Takes uploads that have all their bytes to their place, once, whoever asks for that and however often. */
@Injectable()
export class UploadCompletions {
  private readonly logger = new Logger(UploadCompletions.name);

  constructor(
    private readonly pipeline: UploadPipeline,
    private readonly limits: UploadLimits,
    private readonly deliveries: Deliveries,
    readonly index: UploadIndex,
  ) {}

  /**
   * Takes the file to its place, or waits while that is under way. It goes on when the client leaves: all bytes are here. One
   * that fails for now may be repeated, by anybody: the id tells that it is the same file.
   * @throws UPLOAD_ENDED-like refusals that end it: UNSUPPORTED_MEDIA_TYPE, DIGEST_MISMATCH, CONFLICT, EMPTY_FILE; and as
   * `UploadPipeline.place`
   */
  complete(
    upload: OpenUpload,
    wantsAsync: boolean,
    digests: readonly Digest[] = [],
    progress?: UploadProgress,
  ): Promise<UploadResult> {
    if (upload.end?.kind === 'placed') return Promise.resolve(upload.end.result);
    upload.completion ??= this.place({ upload, wantsAsync, progress }, digests).finally(() => {
      upload.completion = undefined;
    });
    return upload.completion;
  }

  /** Refuses bytes that are not of the type that was declared, as soon as there are enough of them. @throws UNSUPPORTED_MEDIA_TYPE */
  async recognise(upload: OpenUpload): Promise<void> {
    if (upload.isRecognised || upload.info.kind === 'part') return;
    const { mediaTypes, sniffBytes } = this.limits;
    if (!upload.isComplete && upload.offset < sniffBytes) return;
    if (!mediaTypes.unrestricted)
      await mediaTypes.checkBytes(upload.info.file.contentType, await upload.bytes.read(sniffBytes));
    upload.isRecognised = true;
  }

  /**
   * Ends an upload, and removes its bytes. Where there is no room to say how it ended it is forgotten, unless it became a file:
   * then it is complete, and meets its file when it is taken to its place once more.
   * @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR
   */
  async end(upload: OpenUpload, end: UploadEnd): Promise<void> {
    const isPlaced = end.kind === 'placed';
    this.index.remove(upload.uploadId);
    // Nobody is told of its place before that is written down.
    if (!isPlaced) {
      upload.end = end;
      this.index.metrics.ended(end.kind);
    }
    const saved = await this.save(upload, end);
    upload.isEndSaved = saved !== undefined;
    upload.end = saved ?? end;
    if (!saved) {
      if (!isPlaced) return this.erase(upload);
      await this.putDown(upload);
      return;
    }
    // Nobody waits for it: bytes that stay behind are removed with the upload.
    if (!isPlaced || upload.bytes.hasFiles) void this.dropBytes(upload);
    else await upload.bytes.dispose();
  }

  /** Ends an upload where what it failed with cannot be mended. */
  async endIfRefused(upload: OpenUpload, error: unknown): Promise<void> {
    const { code, detail } = toServiceError(error);
    if (!isFinal(code)) return;
    await this.end(upload, { kind: 'refused', code, detail });
  }

  private async place(wish: Wish, declared: readonly Digest[]): Promise<UploadResult> {
    const { upload } = wish;
    // Another replica does not take it for left.
    const touching = setInterval(() => void upload.folder.touch().catch(() => undefined), TOUCH_EVERY_MS);
    try {
      await this.recognise(upload);
      const body = await bodyOf(upload);
      await checkDigests(body, [...upload.info.digests, ...declared]);
      const result = await this.placeBody(wish, body).catch((error: unknown) => {
        // Another process may have stored the same file a moment ago: the second time it is met.
        if (toServiceError(error).code !== 'CONFLICT') throw error;
        return this.placeBody(wish, body);
      });
      await this.end(upload, { kind: 'placed', result, length: body.length });
      return result;
    } catch (error) {
      return await this.afterFailure(upload, error);
    } finally {
      clearInterval(touching);
    }
  }

  /** What holds where another process has come first and taken the bytes away; else the failure. */
  private async afterFailure(upload: OpenUpload, error: unknown): Promise<UploadResult> {
    const onDisk = upload.bytes.isUnseen ? undefined : await upload.folder.look().catch(() => undefined);
    if (onDisk?.end) {
      upload.end = onDisk.end;
      upload.isEndSaved = true;
      if (onDisk.end.kind !== 'placed') throw ended(onDisk.end);
    } else await this.endIfRefused(upload, error);
    if (upload.end?.kind === 'placed') return upload.end.result;
    if (!upload.end) await this.putDown(upload);
    throw error instanceof ServiceError ? error : notKept(error);
  }

  /** Nothing came of it for now. An upload that somebody knows of keeps its bytes, as far as the disk takes them. */
  private async putDown({ uploadId, bytes }: OpenUpload): Promise<void> {
    if (bytes.isUnseen) return;
    await bytes.spill().catch((error: unknown) => {
      this.logger.warn({ err: error, upload_id: uploadId }, 'bytes of an upload stay in memory');
    });
  }

  private async placeBody(
    { upload, wantsAsync, progress }: Wish,
    body: SegmentedBody,
  ): Promise<UploadResult> {
    const { uploadId, info, isIdNew } = upload;
    // Once it was tried, there may be a file under it.
    upload.isIdNew = false;
    try {
      return await this.pipeline.place({
        description: info.file,
        body,
        caller: ownerOf(info.file.uploadedBy, info.file.uploadedByUsername),
        // An upload that is completed again is the same one.
        idIsCallers: true,
        isIdNew,
        wish: this.pipeline.wishOf(wantsAsync),
        arrived: Promise.resolve(),
        signal: NEVER,
        clientGone: NEVER,
        progress,
      });
    } finally {
      this.deliveries.release(uploadId);
    }
  }

  /** Writes down how an upload ended, and gives the end that holds; undefined where that could not be done. One that nobody was told of needs no folder. */
  private async save(
    { uploadId, bytes, folder, info }: OpenUpload,
    end: UploadEnd,
  ): Promise<UploadEnd | undefined> {
    try {
      if (!bytes.isUnseen) return await folder.saveEnd(end, info);
      await folder.createEnded(info, end);
      return end;
    } catch (error) {
      this.logger.warn({ err: error, upload_id: uploadId }, 'how an upload ended was not written down');
      return undefined;
    }
  }

  private async erase(upload: OpenUpload): Promise<void> {
    await upload.bytes.dispose();
    await upload.folder.remove().catch((error: unknown) => {
      throw notKept(error);
    });
  }

  private async dropBytes(upload: OpenUpload): Promise<void> {
    try {
      await upload.bytes.dispose();
      await upload.folder.dropBytes();
    } catch (error) {
      this.logger.warn({ err: error, upload_id: upload.uploadId }, 'bytes of an upload stay for now');
    }
  }
}

async function bodyOf(upload: OpenUpload): Promise<SegmentedBody> {
  const size = upload.offset;
  const { bytes } = upload;
  // Files that lack the last bytes are not the file.
  const extents = bytes.hasHeld ? [] : bytes.extents.filter(({ start, end }) => end > start);
  const whole = size <= MAX_WHOLE_BYTES ? await upload.bytes.read(size) : undefined;
  const sha256 = whole ? hash('sha256', whole, 'hex') : await upload.bytes.sha256();
  return new SegmentedBody({
    extents,
    pathOf: (extent) => upload.bytes.pathOf(extent),
    digest: { size, sha256 },
    whole,
    sync: () => upload.bytes.sync(),
  });
}

/** A SHA-512 has all bytes read once more, on this thread: few ask for one. @throws DIGEST_MISMATCH */
async function checkDigests(body: SegmentedBody, declared: readonly Digest[]): Promise<void> {
  if (declared.length === 0) return;
  const known: Digest[] = [{ algorithm: 'sha256', hex: body.digest().sha256 }];
  if (declared.some(({ algorithm }) => algorithm === 'sha512')) {
    const sha512 = createHash('sha512');
    for await (const chunk of body.open(NEVER) as AsyncIterable<Buffer>) sha512.update(chunk);
    known.push({ algorithm: 'sha512', hex: sha512.digest('hex') });
  }
  new DigestCheck({ make: [], declared: () => declared }).finish(...known);
}

/** Who created the upload, as far as a file has to do with that: his token may be long over. */
function ownerOf(subject: string, username: string | null): Caller {
  return { subject, username, clientId: null, roles: new Set(), scopes: new Set(), expiresAtMs: Infinity };
}

/** Can no repetition mend it? A wrong digest is mended by sending other bytes, as another upload. */
function isFinal(code: ServiceError['code']): boolean {
  const { status, retryable } = ERROR_CATALOGUE[code];
  return code === 'DIGEST_MISMATCH' || (status < 500 && !retryable);
}
