import { copyFile } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { giveSecondName } from '../body/second-name.js';
import { notKept } from '../body/spool-failure.js';
import type { ErrorCode } from '../errors/catalogue.js';
import { ServiceError } from '../errors/service-error.js';
import { UploadLimits } from '../ingest/upload-limits.js';
import { type Extent, endOf, upTo } from './files/extents.js';
import type { UploadFolder, UploadOnDisk } from './files/upload-folder.js';
import type { OpenUpload } from './open-upload.js';
import { OpenUploads } from './open-uploads.service.js';
import { ended, noSuchUpload } from './resumption-errors.js';
import { UploadCompletions } from './upload-completions.service.js';

const MOST_PARTS = 10_000;

interface Part {
  readonly folder: UploadFolder;
  readonly onDisk: UploadOnDisk;
}

/**
 * Joins uploads: a joined one is a list of parts, and has its bytes when all of them have theirs. Their files get a second name in
 * its folder, and nothing is copied; the parts stay as they are.
 */
@Injectable()
export class UploadJoins {
  constructor(
    private readonly open: OpenUploads,
    private readonly completions: UploadCompletions,
    private readonly limits: UploadLimits,
  ) {}

  /**
   * Bytes that parts will have together; undefined while the length of one is not known.
   * @throws VALIDATION_ERROR for no part, too many, and what is no part; NOT_FOUND
   */
  async lengthOf(parts: readonly string[], caller: Caller): Promise<number | undefined> {
    if (parts.length === 0 || parts.length > MOST_PARTS)
      throw new ServiceError('VALIDATION_ERROR', `An upload is joined of 1 to ${MOST_PARTS} parts.`);
    const found = await this.look(parts);
    for (const part of found) {
      if (!part || part.onDisk.info.file.uploadedBy !== caller.subject) throw noSuchUpload();
      const { end, info } = part.onDisk;
      if (info.kind !== 'part')
        throw new ServiceError('VALIDATION_ERROR', 'Only partial uploads can be joined.');
      if (end && end.kind !== 'placed') throw ended(end);
    }
    return sumOf(found.map((part) => part?.onDisk.length));
  }

  /**
   * Sees how far the parts of a joined upload are, and joins them once they are complete. One of which a part is gone ends.
   * Whoever calls has the upload for itself. @throws UPLOAD_ENDED; SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR
   */
  async update(upload: OpenUpload): Promise<void> {
    if (upload.info.kind !== 'joined' || upload.isComplete) return;
    const found = await this.look(upload.info.parts);
    const parts = found.filter((part): part is Part => part !== undefined && !part.onDisk.end);
    if (parts.length < found.length) await this.refuse(upload, 'UPLOAD_ENDED', 'a part of it is gone.');
    upload.length = sumOf(parts.map(({ onDisk }) => onDisk.length));
    if ((upload.length ?? 0) > this.limits.maxFileBytes)
      await this.refuse(upload, 'FILE_TOO_LARGE', 'its parts have too many bytes together.');
    const offset = parts.reduce((sum, { onDisk }) => sum + endOf(onDisk.extents), 0);
    upload.partsOffset = offset;
    if (offset === upload.length) await this.join(upload, parts);
  }

  /** @throws UPLOAD_ENDED */
  private async refuse(upload: OpenUpload, code: ErrorCode, detail: string): Promise<never> {
    const end = { kind: 'refused', code, detail } as const;
    await this.completions.end(upload, end);
    throw ended(end);
  }

  private async join(upload: OpenUpload, parts: readonly Part[]): Promise<void> {
    const { folder } = upload;
    try {
      // Of an attempt that a crash has ended.
      await folder.dropSegments();
      let length = 0;
      for (const { part, extent } of piecesOf(parts)) {
        const name = folder.segmentPath({ epoch: upload.epoch, start: length });
        const path = part.folder.segmentPath(extent);
        if (!(await giveSecondName(path, name))) await copyFile(path, name);
        length += extent.end - extent.start;
      }
      const joined = await folder.look();
      upload.bytes.replace(upTo(joined?.extents ?? [], length));
    } catch (error) {
      throw notKept(error);
    }
  }

  /** Each once, however often it is named. */
  private async look(partIds: readonly string[]): Promise<(Part | undefined)[]> {
    const seen = new Map<string, Part | undefined>();
    for (const partId of partIds) {
      if (seen.has(partId)) continue;
      const folder = this.open.folderOf(partId);
      const onDisk = await folder.look().catch((error: unknown) => {
        throw notKept(error);
      });
      seen.set(partId, onDisk && { folder, onDisk });
    }
    return partIds.map((partId) => seen.get(partId));
  }
}

function piecesOf(parts: readonly Part[]): { part: Part; extent: Extent }[] {
  return parts.flatMap((part) =>
    part.onDisk.extents
      .filter(({ start, end }) => end > start)
      .map((extent) => {
        return { part, extent };
      }),
  );
}

function sumOf(lengths: readonly (number | undefined)[]): number | undefined {
  let sum = 0;
  for (const length of lengths) {
    if (length === undefined) return undefined;
    sum += length;
  }
  return sum;
}
