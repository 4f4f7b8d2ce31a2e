import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { isReadOnly, spoolFull, spoolReadOnly, spoolUnusable } from '../../body/spool-failure.js';
import type { ServiceError } from '../../errors/service-error.js';
import type { AcceptedFiles } from './accepted-files.service.js';
import type { AcceptedUsage } from './accepted-index.js';
import { Reservations } from './reservations.js';
import { WaterMark } from './water-mark.js';

/** Where, below a limit, what was full opens again. */
const LOW_MARK = 0.8;

const CHECK_EVERY_MS = 5_000;

export interface SpoolSpaceOptions {
  readonly path: string;
  /** Most bytes of accepted files, by all processes; 0: not limited. */
  readonly maxBytes: number;
  /** Free bytes of the disk below which nothing is taken, until there are twice as many; 0: not checked. */
  readonly minFreeBytes: number;
  /** Age, of the oldest file that waits for its delivery, beyond which nothing is taken; 0: not checked. */
  readonly maxAgeMs: number;
  readonly oldestWaitingAgeMs: () => Promise<number>;
}

export const SHUT_REASONS = ['bytes', 'disk', 'age', 'read-only', 'unusable'] as const;

export type ShutReason = (typeof SHUT_REASONS)[number];

export interface SpoolSpaceReport extends AcceptedUsage {
  /** Of the oldest file, dead letters included; 0 where there is none. */
  readonly oldestAgeMs: number;
  /** 0: only the disk limits. */
  readonly limitBytes: number;
  /** Of uploads that may have to be kept and are not kept yet. */
  readonly reservedBytes: number;
  /** What the disk has left for us; undefined where that is not known. */
  readonly freeBytes: number | undefined;
  /** Why nothing is taken now. */
  readonly shut: ShutReason | undefined;
}

/** The disk at the last look. */
interface DiskReading {
  readonly freeBytes: number;
  /** Bytes of the accepted files, which are no part of the free ones. */
  readonly acceptedBytes: number;
  /** The same of the uploads that have room reserved. */
  readonly writtenBytes: number;
}

/**
 * Decides whether the spool takes one more file, before its bytes are read. An upload that is admitted has its room
 * reserved until it is kept or over. A file that does not fit is refused alone; the spool is shut for all only by what is
 * in it. Disk and folder are looked at every five seconds; a decision itself takes no time.
 */
@Injectable()
export class SpoolSpace implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(SpoolSpace.name);
  private readonly marks: Record<'bytes' | 'disk' | 'age', WaterMark>;
  private readonly reservations = new Reservations();
  private disk: DiskReading | undefined;
  private readOnly = false;
  private oldestAgeMs = 0;
  private checking: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: SpoolSpaceOptions,
    private readonly files: AcceptedFiles,
  ) {
    const { maxBytes, minFreeBytes, maxAgeMs } = options;
    this.marks = {
      bytes: new WaterMark(maxBytes || Infinity, maxBytes * LOW_MARK),
      // What is short is counted downwards.
      disk: new WaterMark(minFreeBytes ? -minFreeBytes : Infinity, -2 * minFreeBytes),
      age: new WaterMark(maxAgeMs || Infinity, maxAgeMs * LOW_MARK),
    };
  }

  /** A spool that cannot be used does not stop the start: nothing is accepted. */
  async onModuleInit(): Promise<void> {
    await this.check();
    const look = (): Promise<void> => this.look(() => this.files.prepareInTurn());
    this.checking = setInterval(() => void look(), CHECK_EVERY_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.checking);
  }

  /**
   * Reserves room for an upload: as much as it declares, or what has come of it, and a byte at least, where it declares
   * nothing. One that has room keeps that, and gets what it lacks. @throws SPOOL_FULL, QUEUE_UNAVAILABLE
   */
  admit(uploadId: string, declaredBytes: number | undefined, receivedBytes = 0): void {
    const held = this.reservations.of(uploadId);
    if (!held) this.refuseWhileShut();
    const bytes = Math.max(declaredBytes ?? Math.max(receivedBytes, 1), held?.bytes ?? 0);
    this.refuseUnlessFits(bytes - (held?.bytes ?? 0));
    this.reservations.put(uploadId, { bytes, receivedBytes, grows: declaredBytes === undefined });
  }

  /**
   * Reserves room for bytes that are written to the spool in any case, whether they are to be kept or not: only the disk limits
   * them. @throws SPOOL_FULL, QUEUE_UNAVAILABLE
   */
  reserve(key: string, bytes: number): void {
    const reason = this.whyShut();
    if (reason === 'read-only' || reason === 'unusable' || reason === 'disk') throw refusal(reason);
    if (!this.diskHasRoomFor(bytes)) throw doesNotFit();
    this.reservations.put(key, { bytes, receivedBytes: 0, grows: false });
  }

  /**
   * So many bytes of an upload have come in all. Its room grows with them where it declares nothing; one that has none
   * gets none. @throws SPOOL_FULL
   */
  received(uploadId: string, receivedBytes: number): void {
    const held = this.reservations.of(uploadId);
    if (!held) return;
    const bytes = held.grows ? Math.max(held.bytes, receivedBytes) : held.bytes;
    this.refuseUnlessFits(bytes - held.bytes);
    this.reservations.put(uploadId, { ...held, bytes, receivedBytes });
  }

  /** The upload is kept, or over. Harmless when repeated, and for one that has no room. */
  release(uploadId: string): void {
    this.reservations.release(uploadId);
  }

  report(): SpoolSpaceReport {
    return {
      ...this.files.usage(),
      oldestAgeMs: this.files.oldestAgeMs(),
      limitBytes: this.options.maxBytes,
      reservedBytes: this.reservations.bytes,
      freeBytes: this.disk?.freeBytes,
      shut: this.whyShut(),
    };
  }

  /** Looks at disk and folder now. Never fails: what cannot be looked at takes nothing. */
  check(): Promise<void> {
    return this.look(() => this.files.prepare());
  }

  private async look(prepare: () => Promise<void>): Promise<void> {
    try {
      await prepare();
      await access(this.options.path, constants.W_OK);
      this.oldestAgeMs = await this.options.oldestWaitingAgeMs();
      const { bavail, bsize } = await statfs(this.options.path);
      this.disk = {
        freeBytes: bavail * bsize,
        acceptedBytes: this.files.usage().bytes,
        writtenBytes: this.reservations.writtenBytes,
      };
    } catch (error) {
      if (this.disk || !this.checking)
        this.logger.error({ err: error }, 'the spool cannot be used, nothing is accepted');
      this.disk = undefined;
      this.readOnly = isReadOnly(error);
    }
  }

  private refuseWhileShut(): void {
    const reason = this.whyShut();
    if (reason !== undefined) throw refusal(reason);
  }

  private refuseUnlessFits(more: number): void {
    if (more > 0 && !this.hasRoomFor(more)) throw doesNotFit();
  }

  private whyShut(): ShutReason | undefined {
    if (!this.disk) return this.readOnly ? 'read-only' : 'unusable';
    if (this.marks.bytes.isShut(this.files.usage().bytes)) return 'bytes';
    if (this.marks.disk.isShut(-this.disk.freeBytes)) return 'disk';
    return this.marks.age.isShut(this.oldestAgeMs) ? 'age' : undefined;
  }

  private hasRoomFor(more: number): boolean {
    const { bytes } = this.files.usage();
    const { maxBytes } = this.options;
    const fits = maxBytes === 0 || bytes + this.reservations.bytes + more <= maxBytes;
    return fits && this.diskHasRoomFor(more);
  }

  private diskHasRoomFor(more: number): boolean {
    const { minFreeBytes } = this.options;
    return minFreeBytes === 0 || this.freeBytesNow() - this.reservations.bytes - more >= minFreeBytes;
  }

  /** What the disk would have left if nothing were written yet of what is reserved. */
  private freeBytesNow(): number {
    // Whoever has room although the disk cannot be looked at hears of it when he is kept.
    if (!this.disk) return Infinity;
    const { freeBytes, acceptedBytes, writtenBytes } = this.disk;
    const keptSince = Math.max(0, this.files.usage().bytes - acceptedBytes);
    return freeBytes + writtenBytes - keptSince;
  }
}

function doesNotFit(): ServiceError {
  return spoolFull('The file does not fit into what is left of the spool.');
}

function refusal(reason: ShutReason): ServiceError {
  if (reason === 'read-only') return spoolReadOnly();
  if (reason === 'unusable') return spoolUnusable('the spool cannot be used');
  return spoolFull('There is no room to keep the file for later.');
}
