import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { notKept } from '../body/spool-failure.js';
import { errorCode } from '../errors/error-code.js';
import { ServiceError } from '../errors/service-error.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import { RegularWork } from '../timing/regular-work.js';
import { openedSize, UploadFolder, type UploadOnDisk } from './files/upload-folder.js';
import { uploadIdsIn } from './files/upload-ids.js';
import type { UploadInfo } from './files/upload-info.js';
import { giveWay } from './give-way.js';
import { OpenUpload, type OpenUploadOptions } from './open-upload.js';
import { noSuchUpload, takenElsewhere } from './resumption-errors.js';
import { ResumptionSettings } from './resumption-settings.service.js';
import { UploadBodies } from './upload-bodies.service.js';
import { UploadFence } from './upload-fence.service.js';

/** After so long without a request an upload costs neither memory nor a descriptor. */
const IDLE_MS = 60_000;
const CHECK_EVERY_MS = 10_000;
const TOUCH_EVERY_MS = 60_000;
/** How often one is taken anew that others take at the same time. */
const MOST_TRIES = 5;

interface Entry {
  readonly upload: OpenUpload;
  usedAtMs: number;
}

/** What only who creates an upload knows of it. */
type Novelty = Pick<OpenUploadOptions, 'isIdNew' | 'isUnseen'>;

/** The uploads that this process is at work on, or was a moment ago. All others are on the disk alone. */
@Injectable()
export class OpenUploads implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(OpenUploads.name);
  private readonly entries = new Map<string, Entry>();
  private readonly loading = new Map<string, Promise<OpenUpload>>();
  private closing: RegularWork | undefined;

  constructor(
    private readonly settings: ResumptionSettings,
    private readonly bodies: UploadBodies,
    readonly fence: UploadFence,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.closing = new RegularWork(() => this.closeIdle(), CHECK_EVERY_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.closing?.stop();
    await Promise.all([...this.entries.values()].map(({ upload }) => this.putDown(upload)));
    this.entries.clear();
  }

  /** Is there no other process that could have an upload? */
  get isAlone(): boolean {
    return this.fence.isAlone;
  }

  folderOf(uploadId: string): UploadFolder {
    return new UploadFolder(this.settings.root, uploadId);
  }

  /** Makes an upload, which is ours. @throws CONFLICT where there is one; SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async create(uploadId: string, info: UploadInfo, novelty: Novelty): Promise<OpenUpload> {
    if (!novelty.isUnseen) {
      await this.folderOf(uploadId)
        .create(info)
        .catch((error: unknown) => {
          throw errorCode(error) === 'EEXIST' ? isThereAlready() : notKept(error);
        });
    }
    await this.enterFence(uploadId);
    const [touchedAtMs, { length }] = [this.clock.wallMs(), info];
    const onDisk = { info, length, extents: [], highestEpoch: 0, end: undefined, touchedAtMs };
    return this.enter(uploadId, 1, onDisk, novelty);
  }

  /**
   * The upload as one that is ours: it is taken over from whoever has it. `maySee` is asked before that.
   * @throws NOT_FOUND; QUEUE_UNAVAILABLE, SPOOL_FULL, INTERNAL_ERROR
   */
  async find(uploadId: string, maySee: (info: UploadInfo) => boolean): Promise<OpenUpload> {
    const entry = await this.entryOf(uploadId);
    if (entry) {
      if (!maySee(entry.upload.info)) throw noSuchUpload();
      entry.usedAtMs = this.clock.monotonicMs();
      return entry.upload;
    }
    const seen = await this.look(uploadId);
    if (!seen || !maySee(seen.info)) throw noSuchUpload();
    // Another request may have come first meanwhile.
    return this.entries.get(uploadId)?.upload ?? this.loadOnce(uploadId, seen);
  }

  /** Has another process ended an upload that is ours? Then it is not known here any more. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async hasEndedElsewhere(upload: OpenUpload): Promise<boolean> {
    if (upload.bytes.isUnseen || !(await this.look(upload.uploadId))?.end) return false;
    await this.forget(upload);
    return true;
  }

  /** The same as `isOurs`, and it stays known here in any case: bytes may be on their way to it. @throws QUEUE_UNAVAILABLE */
  holds({ uploadId, epoch }: OpenUpload): Promise<boolean> {
    return this.fence.holds(uploadId, epoch);
  }

  /** The ids of all uploads in our spool. @throws Error of the file system */
  names(): Promise<string[]> {
    return uploadIdsIn(this.settings.root);
  }

  /** Is an upload in our spool, whoever has it and however it ended? @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async isHere(uploadId: string): Promise<boolean> {
    return this.entries.has(uploadId) || (await this.look(uploadId)) !== undefined;
  }

  /** Has nobody else taken the upload? Where somebody has, it is not known here any more. @throws QUEUE_UNAVAILABLE */
  async isOurs(upload: OpenUpload): Promise<boolean> {
    if (upload.end || (await this.fence.holds(upload.uploadId, upload.epoch))) return true;
    await this.forget(upload);
    return false;
  }

  /**
   * Goes back to `offset`: what lies behind it counts no more. Where somebody else has the upload, it is his to do so.
   * @throws QUEUE_UNAVAILABLE, SPOOL_FULL, INTERNAL_ERROR
   */
  async cutBack(upload: OpenUpload, offset: number): Promise<void> {
    const epoch = await this.fence.raise(upload.uploadId, upload.epoch);
    if (epoch === undefined) await this.forget(upload);
    else await upload.bytes.cutBack(offset, epoch);
  }

  /**
   * Makes all bytes durable that an upload says it has. Those of which nobody knows count no more.
   * @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR
   */
  async sync(upload: OpenUpload): Promise<void> {
    if (upload.end) return;
    try {
      await upload.bytes.sync();
    } catch (error) {
      if (upload.bytes.damagedFrom === undefined) throw error;
    }
    if (upload.bytes.damagedFrom !== undefined) await this.cutBack(upload, upload.bytes.damagedFrom);
  }

  /** Is somebody at work on an upload in this process? */
  isBusy(uploadId: string): boolean {
    return this.entries.get(uploadId)?.upload.isIdle === false || this.loading.has(uploadId);
  }

  /** Removes an upload that has ended long ago. @throws QUEUE_UNAVAILABLE; Error of the file system */
  async remove(uploadId: string): Promise<void> {
    await this.fence.forget(uploadId);
    const entry = this.entries.get(uploadId);
    if (entry) await this.forget(entry.upload);
    await this.folderOf(uploadId).remove();
  }

  /** Milliseconds since a time of the file system. */
  ageMs(atMs: number): number {
    return this.clock.wallMs() - atMs;
  }

  /** When an upload is given up whose last bytes came then, in milliseconds since 1970. */
  deadlineMs(touchedAtMs: number): number {
    return touchedAtMs + this.settings.maxIdleMs;
  }

  /** Bytes came, or are about to: the upload is given up later. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async touch(upload: OpenUpload): Promise<void> {
    const before = upload.touchedAtMs;
    upload.touchedAtMs = this.clock.wallMs();
    // Other processes see only the disk, which the first bytes may take a while to reach.
    if (upload.touchedAtMs - before < TOUCH_EVERY_MS) return;
    await upload.folder.touch().catch((error: unknown) => {
      throw notKept(error);
    });
  }

  /** Others are told of the folder once it is there: whoever lists folders meanwhile tells them too. */
  private async enterFence(uploadId: string): Promise<void> {
    try {
      if (!(await this.fence.enter(uploadId))) throw takenElsewhere();
    } catch (error) {
      await this.folderOf(uploadId)
        .remove()
        .catch(() => undefined);
      throw error;
    }
  }

  /** One that has ended, others may end in another way. */
  private async entryOf(uploadId: string): Promise<Entry | undefined> {
    const entry = this.entries.get(uploadId);
    if (!entry?.upload.isEndSaved || this.isAlone) return entry;
    await this.forget(entry.upload);
    return undefined;
  }

  private loadOnce(uploadId: string, seen: UploadOnDisk): Promise<OpenUpload> {
    const loading =
      this.loading.get(uploadId) ?? this.load(uploadId, seen).finally(() => this.loading.delete(uploadId));
    this.loading.set(uploadId, loading);
    return loading;
  }

  /** One that has ended is read by everybody, and changed by nobody. */
  private async load(uploadId: string, seen: UploadOnDisk): Promise<OpenUpload> {
    if (seen.end) return this.enter(uploadId, seen.highestEpoch, seen);
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const epoch = await this.fence.take(uploadId, seen.highestEpoch);
      // What the one before us still wrote until then counts.
      const onDisk = (await this.look(uploadId, openedSize)) ?? seen;
      if (onDisk.end) return this.enter(uploadId, epoch, onDisk);
      const upload = this.openOf(uploadId, epoch, onDisk);
      // Whoever takes it next sees where we began, also if nothing has come by then.
      await upload.bytes.mark();
      if (await this.fence.holds(uploadId, epoch)) {
        await this.folderOf(uploadId).dropStaged();
        return this.keep(upload);
      }
      await upload.bytes.dispose();
      await giveWay(tries);
    }
    throw takenElsewhere();
  }

  private enter(uploadId: string, epoch: number, onDisk: UploadOnDisk, novelty?: Novelty): OpenUpload {
    return this.keep(this.openOf(uploadId, epoch, onDisk, novelty));
  }

  private keep(upload: OpenUpload): OpenUpload {
    this.entries.set(upload.uploadId, { upload, usedAtMs: this.clock.monotonicMs() });
    return upload;
  }

  private openOf(uploadId: string, epoch: number, onDisk: UploadOnDisk, novelty?: Novelty): OpenUpload {
    const { bodies, settings } = this;
    const options = {
      uploadId,
      folder: this.folderOf(uploadId),
      epoch,
      bodies,
      maxIdleMs: settings.maxIdleMs,
    };
    return new OpenUpload({ ...options, ...novelty }, onDisk);
  }

  /** Bytes that somebody was told of go to the disk, as far as they can, for the next process. */
  private async putDown({ bytes, end }: OpenUpload): Promise<void> {
    if (!end && !bytes.isUnseen) await bytes.spill().catch(() => undefined);
    await bytes.dispose();
  }

  /** Somebody else has it now, or nobody, or it has ended: nothing of it is known here any more. */
  async forget(upload: OpenUpload): Promise<void> {
    if (this.entries.get(upload.uploadId)?.upload === upload) this.entries.delete(upload.uploadId);
    const { completion, bytes } = upload;
    // It needs the bytes as long as it is under way.
    if (completion) void completion.catch(() => undefined).then(() => bytes.dispose());
    else await bytes.dispose();
  }

  /** What the disk says of an upload, whoever has it. @throws SPOOL_FULL, QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  look(uploadId: string, sizeOf?: typeof openedSize): Promise<UploadOnDisk | undefined> {
    return this.folderOf(uploadId)
      .look(sizeOf)
      .catch((error: unknown) => {
        this.logger.warn({ err: error, upload_id: uploadId }, 'an upload cannot be read');
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

function isThereAlready(): ServiceError {
  return new ServiceError('CONFLICT', 'There is an upload with this id already.');
}
