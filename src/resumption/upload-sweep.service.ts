import { readdir, stat } from 'node:fs/promises';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { validate as isUuid } from 'uuid';
import { isMissing } from '../body/spool-failure.js';
import type { Environment } from '../config/environment.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import { RegularWork } from '../timing/regular-work.js';
import { endOf } from './files/extents.js';
import type { UploadFolder, UploadOnDisk } from './files/upload-folder.js';
import { OpenUploads } from './open-uploads.service.js';
import { UploadCompletions } from './upload-completions.service.js';
import { UploadFence } from './upload-fence.service.js';
import { UploadIndex } from './upload-index.service.js';
import { UploadResources } from './upload-resources.service.js';

/** A folder without a word of what it is, after a crash. */
const LEFT_OVER_AGE_MS = 3_600_000;
/** Whoever is at work on a complete upload has so long before another process takes it to its place. */
const UNSETTLED_AGE_MS = 60_000;

/**
 * Looks through the uploads that are not complete: gives up those that nobody has brought bytes for a long time, takes those to
 * their place that are complete and were left behind, and removes what has ended long ago.
 */
@Injectable()
export class UploadSweep implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(UploadSweep.name);
  private readonly everyMs: number;
  private readonly maxIdleMs: number;
  private readonly retentionMs: number;
  private regular: RegularWork | undefined;
  private isOver = false;

  constructor(
    config: ConfigService<Environment, true>,
    private readonly open: OpenUploads,
    private readonly resources: UploadResources,
    private readonly completions: UploadCompletions,
    private readonly index: UploadIndex,
    private readonly fence: UploadFence,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.everyMs = config.get('RESUMABLE_SWEEP_INTERVAL_MS', { infer: true });
    this.maxIdleMs = config.get('RESUMABLE_MAX_IDLE_MS', { infer: true });
    this.retentionMs = config.get('RESUMABLE_RETENTION_MS', { infer: true });
  }

  /** Does not wait: there may be many. */
  onApplicationBootstrap(): void {
    this.regular = new RegularWork(() => this.sweep(), this.everyMs);
  }

  async onApplicationShutdown(): Promise<void> {
    this.isOver = true;
    await this.regular?.stop();
  }

  /** Looks through all of them once. Never fails. */
  async sweep(): Promise<void> {
    try {
      const uploadIds = (await this.names()).filter((name) => isUuid(name));
      for (const uploadId of uploadIds) {
        if (this.isOver) return;
        await this.look(uploadId).catch((error: unknown) => {
          this.logger.warn({ err: error, upload_id: uploadId }, 'an upload was not looked at');
        });
      }
      this.index.keepOnly(new Set(uploadIds));
    } catch (error) {
      this.logger.warn({ err: error }, 'uploads were not looked through');
    }
  }

  private async look(uploadId: string): Promise<void> {
    const folder = this.open.folderOf(uploadId);
    const onDisk = await folder.look();
    if (!onDisk) return this.removeLeftOver(folder);
    const ageMs = this.clock.wallMs() - onDisk.touchedAtMs;
    if (onDisk.end) {
      this.index.remove(uploadId);
      if (ageMs > this.retentionMs) await this.remove(uploadId, folder);
      return;
    }
    if (isUnsettled(onDisk)) {
      if (ageMs > UNSETTLED_AGE_MS) await this.resources.completeNow(uploadId);
      return;
    }
    this.index.add(uploadId, onDisk.info);
    if (ageMs > this.maxIdleMs) await this.expire(uploadId);
    else if (onDisk.info.kind === 'joined') await this.resources.completeNow(uploadId);
  }

  private async expire(uploadId: string): Promise<void> {
    const upload = await this.open.find(uploadId, () => true);
    if (!upload.isIdle) return;
    const { release } = await upload.turns.take(false);
    try {
      // Bytes may have come since it was looked at.
      if (this.clock.wallMs() - upload.touchedAtMs <= this.maxIdleMs) return;
      await this.completions.end(upload, { kind: 'expired' });
      this.index.remove(uploadId);
      this.logger.log(
        { upload_id: uploadId, bytes: upload.offset },
        'an upload that nobody goes on with was given up',
      );
    } finally {
      release();
    }
  }

  private async remove(uploadId: string, folder: UploadFolder): Promise<void> {
    await this.fence.forget(uploadId);
    await this.open.forgetEnded(uploadId);
    await folder.remove();
  }

  private async removeLeftOver(folder: UploadFolder): Promise<void> {
    const { mtimeMs } = await stat(folder.path);
    if (this.clock.wallMs() - mtimeMs > LEFT_OVER_AGE_MS) await folder.remove();
  }

  private names(): Promise<string[]> {
    return readdir(this.open.root).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
  }
}

/** Are all bytes here, and the file is not at its place? Parts have none. */
function isUnsettled({ info, length, extents }: UploadOnDisk): boolean {
  return info.kind === 'file' && length !== undefined && endOf(extents) === length;
}
