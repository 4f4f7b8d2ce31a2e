import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../timing/clock.js';
import { makeFolder } from './durable-folder.js';
import { isMissing, spoolFull } from './spool-failure.js';
import { EarlySyncs } from './spooled/early-syncs.js';
import { type SpareFile, SpoolFilePool } from './spooled/spool-file-pool.js';
import {
  type DiskSpoolFile,
  type SpoolFile,
  type SpoolFileOwner,
  createSpoolFile,
  reuseSpoolFile,
} from './spooled/spool-file.js';
import { removeSpoolLeftOvers } from './spool-left-overs.js';

/** Far below the age at which a sweep takes a file for left: one that only waits is not written to. */
const TOUCH_EVERY_MS = 600_000;

export interface SpoolFolderOptions {
  readonly path: string;
  /** Most bytes on the disk by this process; 0: only the disk limits. */
  readonly limitBytes: number;
  /** Most bytes of files that wait for a moment to be written again; 0, the default: each is removed at once. */
  readonly spareBytes?: number;
}

/** What the spool of this process holds now. */
export interface SpoolUsage {
  readonly bytes: number;
  readonly files: number;
  /** Bytes of files that wait to be written again. */
  readonly spareBytes: number;
  /** 0: only the disk limits. */
  readonly limitBytes: number;
  /** 0 when there is no file. */
  readonly oldestAgeMs: number;
}

/**
 * The folder where bodies rest that are too large for memory. Its files are private; after their body they wait a moment
 * for another one, or are removed by whoever made them. Those of killed processes are swept at start-up by their age; live
 * files are touched, so that another process that starts in the same folder leaves them alone.
 */
@Injectable()
export class SpoolFolder implements OnModuleInit, OnApplicationShutdown, SpoolFileOwner {
  readonly earlySyncs = new EarlySyncs();
  private readonly logger = new Logger(SpoolFolder.name);
  /** With the time of their making, oldest first. */
  private readonly files = new Map<DiskSpoolFile, number>();
  private readonly spares: SpoolFilePool;
  private bytes = 0;
  private touching: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: SpoolFolderOptions,
    private readonly clock: Clock = systemClock,
  ) {
    this.spares = new SpoolFilePool({
      limitBytes: options.spareBytes ?? 0,
      clock,
      onProblems: (problems) => this.warn(problems),
    });
  }

  /** Makes the folder and sweeps it. A folder that cannot be used does not stop the start: bodies go on without. */
  async onModuleInit(): Promise<void> {
    try {
      await makeFolder(this.options.path);
      const removed = await removeSpoolLeftOvers(this.options.path);
      if (removed > 0) this.logger.log({ files: removed }, 'removed what a killed process left in the spool');
    } catch (error) {
      this.logger.warn({ err: error }, 'the spool folder cannot be used');
    }
  }

  /** Gives an empty file for a body of so many bytes, where that is known. @throws Error of the file system */
  async create(expectedBytes = 0): Promise<SpoolFile> {
    const file = (await this.reuse(expectedBytes)) ?? (await this.make());
    this.files.set(file, this.clock.monotonicMs());
    this.touching ??= setInterval(() => void this.touch(), TOUCH_EVERY_MS).unref();
    return file;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.spares.close();
  }

  usage(): SpoolUsage {
    const [oldest] = this.files.values();
    return {
      bytes: this.bytes,
      files: this.files.size,
      spareBytes: this.spares.bytes,
      limitBytes: this.options.limitBytes,
      oldestAgeMs: oldest === undefined ? 0 : this.clock.monotonicMs() - oldest,
    };
  }

  /** @throws SPOOL_FULL when the bytes would be more than the limit */
  take(bytes: number): void {
    const wanted = this.bytes + bytes;
    if (this.exceeds(wanted + this.spares.bytes)) void this.spares.clear();
    if (this.exceeds(wanted)) throw spoolFull('The spool is at its limit.');
    this.bytes = wanted;
  }

  give(bytes: number): void {
    this.bytes -= bytes;
  }

  spare(file: SpareFile): Promise<boolean> {
    return this.spares.offer(file);
  }

  removed(file: DiskSpoolFile, problems: readonly unknown[]): void {
    this.files.delete(file);
    this.warn(problems);
    if (this.files.size > 0) return;
    clearInterval(this.touching);
    this.touching = undefined;
  }

  private exceeds(bytes: number): boolean {
    return this.options.limitBytes > 0 && bytes > this.options.limitBytes;
  }

  private warn(problems: readonly unknown[]): void {
    for (const problem of problems) this.logger.warn({ err: problem }, 'a spool file was not removed');
  }

  private async reuse(expectedBytes: number): Promise<DiskSpoolFile | undefined> {
    const spare = this.spares.take(expectedBytes);
    if (!spare) return undefined;
    const file = await reuseSpoolFile(spare, expectedBytes, this);
    if (file) this.bytes += file.size;
    return file;
  }

  private async make(): Promise<DiskSpoolFile> {
    return this.open().catch(async (error: unknown) => {
      if (!isMissing(error)) throw error;
      await makeFolder(this.options.path);
      return this.open();
    });
  }

  private open(): Promise<DiskSpoolFile> {
    return createSpoolFile(join(this.options.path, `${randomUUID()}.spool`), this);
  }

  /** What cannot be touched is gone, and its descriptor serves on. */
  private async touch(): Promise<void> {
    const now = new Date();
    await Promise.allSettled([...this.files.keys()].map(({ path }) => utimes(path, now, now)));
  }
}
