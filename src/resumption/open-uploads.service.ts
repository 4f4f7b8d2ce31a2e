import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { join } from 'node:path';
import { BodyHashes } from '../body/body-hashes.service.js';
import { notKept } from '../body/spool-failure.js';
import { spoolPath } from '../body/spool-path.js';
import type { Environment } from '../config/environment.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import { RegularWork } from '../timing/regular-work.js';
import { UploadFolder, type UploadOnDisk } from './files/upload-folder.js';
import type { UploadInfo } from './files/upload-info.js';
import { OpenUpload } from './open-upload.js';
import { noSuchUpload } from './resumption-errors.js';
import { UploadFence } from './upload-fence.service.js';

/** After so long without a request an upload costs neither memory nor a descriptor. */
const IDLE_MS = 60_000;
const CHECK_EVERY_MS = 10_000;

interface Entry {
  readonly upload: OpenUpload;
  usedAtMs: number;
}

/** The uploads that this process is at work on, or was a moment ago. All others are on the disk alone. */
@Injectable()
export class OpenUploads implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly root: string;
  private readonly logger = new Logger(OpenUploads.name);
  private readonly entries = new Map<string, Entry>();
  private readonly loading = new Map<string, Promise<OpenUpload>>();
  private closing: RegularWork | undefined;

  constructor(
    config: ConfigService<Environment, true>,
    private readonly hashes: BodyHashes,
    private readonly fence: UploadFence,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.root = join(spoolPath(config), 'uploads');
  }

  onApplicationBootstrap(): void {
    this.closing = new RegularWork(() => this.closeIdle(), CHECK_EVERY_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.closing?.stop();
    await Promise.all([...this.entries.values()].map(({ upload }) => upload.dispose()));
    this.entries.clear();
  }

  folderOf(uploadId: string): UploadFolder {
    return new UploadFolder(this.root, uploadId);
  }

  /** Makes an upload, which is ours. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async create(uploadId: string, info: UploadInfo): Promise<OpenUpload> {
    const folder = this.folderOf(uploadId);
    await folder.create(info).catch((error: unknown) => {
      throw notKept(error);
    });
    const [touchedAtMs, { length }] = [this.clock.wallMs(), info];
    const onDisk = { info, length, extents: [], highestEpoch: 0, end: undefined, touchedAtMs };
    return this.enter(new OpenUpload(uploadId, folder, onDisk, 1, this.hashes));
  }

  /**
   * The upload as one that is ours: it is taken over from whoever has it. `maySee` is asked before that.
   * @throws NOT_FOUND; QUEUE_UNAVAILABLE, SPOOL_FULL, INTERNAL_ERROR
   */
  async find(uploadId: string, maySee: (info: UploadInfo) => boolean): Promise<OpenUpload> {
    const entry = this.entries.get(uploadId);
    if (entry) {
      if (!maySee(entry.upload.info)) throw noSuchUpload();
      entry.usedAtMs = this.clock.monotonicMs();
      return entry.upload;
    }
    const seen = await this.look(this.folderOf(uploadId));
    if (!seen || !maySee(seen.info)) throw noSuchUpload();
    const loading = this.loading.get(uploadId) ?? this.load(uploadId, seen);
    this.loading.set(uploadId, loading);
    return loading.finally(() => this.loading.delete(uploadId));
  }

  /** Somebody else has it now, or nobody: nothing of it is known here any more. */
  async forget(upload: OpenUpload): Promise<void> {
    if (this.entries.get(upload.uploadId)?.upload === upload) this.entries.delete(upload.uploadId);
    await upload.dispose();
  }

  /** As `forget`, of one that has ended. */
  async forgetEnded(uploadId: string): Promise<void> {
    const entry = this.entries.get(uploadId);
    if (entry) await this.forget(entry.upload);
  }

  private async load(uploadId: string, seen: UploadOnDisk): Promise<OpenUpload> {
    const folder = this.folderOf(uploadId);
    // One that has ended is read by everybody, and changed by nobody.
    const epoch = seen.end ? seen.highestEpoch : await this.fence.take(uploadId, seen.highestEpoch);
    // What the one before us still wrote until then counts.
    const onDisk = (await this.look(folder)) ?? seen;
    if (!onDisk.end) await folder.dropStaged();
    return this.enter(new OpenUpload(uploadId, folder, onDisk, epoch, this.hashes));
  }

  private enter(upload: OpenUpload): OpenUpload {
    this.entries.set(upload.uploadId, { upload, usedAtMs: this.clock.monotonicMs() });
    return upload;
  }

  private look(folder: UploadFolder): Promise<UploadOnDisk | undefined> {
    return folder.look().catch((error: unknown) => {
      this.logger.warn({ err: error, folder: folder.path }, 'an upload cannot be read');
      throw notKept(error);
    });
  }

  private async closeIdle(): Promise<void> {
    const before = this.clock.monotonicMs() - IDLE_MS;
    const idle = [...this.entries.values()].filter(
      ({ upload, usedAtMs }) => usedAtMs < before && upload.isIdle,
    );
    await Promise.all(idle.map(({ upload }) => this.forget(upload)));
  }
}
