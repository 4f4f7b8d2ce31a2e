import { stat } from 'node:fs/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { RegularWork } from '../timing/regular-work.js';
import { endOf } from './files/extents.js';
import type { UploadOnDisk } from './files/upload-folder.js';
import { OpenUploads } from './open-uploads.service.js';
import { ResumptionSettings } from './resumption-settings.service.js';
import { UploadIndex } from './upload-index.service.js';
import { UploadResources } from './upload-resources.service.js';

/** A folder without a word of what it is, after a crash. */
const LEFT_OVER_AGE_MS = 3_600_000;
/** Another replica that is at work on a complete upload has so long before this one takes it to its place. */
const UNSETTLED_AGE_MS = 60_000;

/**
 * Looks through the uploads that are not complete: gives up those that nobody has brought bytes for a long time, takes those to
 * their place that are complete and were left behind, and removes what has ended long ago.
 */
@Injectable()
export class UploadSweep implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(UploadSweep.name);
  private regular: RegularWork | undefined;
  private isOver = false;

  constructor(
    private readonly settings: ResumptionSettings,
    private readonly open: OpenUploads,
    private readonly resources: UploadResources,
    private readonly index: UploadIndex,
  ) {}

  /** Does not wait: there may be many. */
  onApplicationBootstrap(): void {
    this.regular = new RegularWork(() => this.sweep(), this.settings.sweepIntervalMs);
  }

  async onApplicationShutdown(): Promise<void> {
    this.isOver = true;
    await this.regular?.stop();
  }

  /** Looks through all of them once. Never fails. */
  async sweep(): Promise<void> {
    try {
      for (const uploadId of await this.open.names()) {
        if (this.isOver) return;
        await this.look(uploadId).catch((error: unknown) => {
          this.logger.warn({ err: error, upload_id: uploadId }, 'an upload was not looked at');
        });
      }
      await this.open.fence.forgetLost();
    } catch (error) {
      this.logger.warn({ err: error }, 'uploads were not looked through');
    }
  }

  private async look(uploadId: string): Promise<void> {
    const onDisk = await this.open.folderOf(uploadId).look();
    if (!onDisk) return this.removeLeftOver(uploadId);
    const { info, end, touchedAtMs } = onDisk;
    const ageMs = this.open.ageMs(touchedAtMs);
    const isLeft = this.open.isAlone || ageMs > UNSETTLED_AGE_MS;
    if (end) {
      this.index.remove(uploadId);
      if (ageMs > this.settings.retentionMs) await this.open.remove(uploadId);
    } else if (isUnsettled(onDisk)) {
      if (isLeft) await this.resources.completeNow(uploadId);
    } else {
      this.index.add(uploadId, info);
      if (ageMs > this.settings.maxIdleMs) await this.resources.expire(uploadId, touchedAtMs);
      else if (info.kind === 'joined' && isLeft) await this.resources.completeNow(uploadId);
    }
  }

  private async removeLeftOver(uploadId: string): Promise<void> {
    const folder = this.open.folderOf(uploadId);
    const { mtimeMs } = await stat(folder.path);
    if (this.open.ageMs(mtimeMs) > LEFT_OVER_AGE_MS) await folder.remove();
  }
}

/** Are all bytes here, and the file is not at its place? Parts have none; and some are complete only when they are told so. */
function isUnsettled({ info, length, extents }: UploadOnDisk): boolean {
  return info.kind === 'file' && !info.endsWhenTold && length !== undefined && endOf(extents) === length;
}
