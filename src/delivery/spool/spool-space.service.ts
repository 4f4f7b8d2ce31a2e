import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { isReadOnly, spoolFull, spoolReadOnly, spoolUnusable } from '../../resilience/spool-failure.js';
import type { ServiceError } from '../../errors/service-error.js';
import type { AcceptedFiles } from './accepted-files.service.js';
import type { AcceptedUsage } from './accepted-index.js';
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
  /** Age of the oldest file beyond which nothing is taken; 0: not checked. */
  readonly maxAgeMs: number;
  /** Age of the oldest file that waits for its delivery. Absent: that of the oldest file, dead letters included. */
  readonly oldestWaitingAgeMs?: () => Promise<number>;
}

export type ShutReason = 'bytes' | 'disk' | 'age' | 'read-only' | 'unusable';

export interface SpoolSpaceReport extends AcceptedUsage {
  /** 0: only the disk limits. */
  readonly limitBytes: number;
  readonly reservedBytes: number;
  /** What the disk has left for us; undefined where that is not known. */
  readonly freeBytes: number | undefined;
  /** Why nothing is taken now. */
  readonly shut: ShutReason | undefined;
}

/** Room for an upload that may have to be kept. */
export interface Admission {
  /** As many bytes it is after all. @throws SPOOL_FULL when it is more than was asked for and there is no room */
  resize(bytes: number): void;
  /** The upload is kept, or will not be. Harmless when repeated. */
  release(): void;
}

/**
 * Decides whether the spool takes one more file, before its bytes are read. Bytes that are admitted and not yet on the
 * disk count as if they were. Disk and folder are looked at every five seconds; a decision itself takes no time.
 */
@Injectable()
export class SpoolSpace implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(SpoolSpace.name);
  private readonly marks: Record<'bytes' | 'disk' | 'age', WaterMark>;
  private reservedBytes = 0;
  private disk: { freeBytes: number; acceptedBytes: number } | undefined;
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
    this.checking = setInterval(() => void this.check(), CHECK_EVERY_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.checking);
  }

  /** Reserves room; `bytes` are those that are declared, undefined where that is not known. @throws SPOOL_FULL, QUEUE_UNAVAILABLE */
  admit(bytes = 0): Admission {
    this.refuseUnlessRoomFor(bytes);
    this.reservedBytes += bytes;
    let reserved = bytes;
    const reserve = (wanted: number): void => {
      this.reservedBytes += wanted - reserved;
      reserved = wanted;
    };
    return {
      resize: (wanted) => {
        if (wanted > reserved) this.refuseUnlessRoomFor(wanted - reserved);
        reserve(wanted);
      },
      release: () => reserve(0),
    };
  }

  report(): SpoolSpaceReport {
    return {
      ...this.files.usage(),
      limitBytes: this.options.maxBytes,
      reservedBytes: this.reservedBytes,
      freeBytes: this.disk?.freeBytes,
      shut: this.whyNot(0),
    };
  }

  /** Looks at disk and folder now. Never fails: what cannot be looked at takes nothing. */
  async check(): Promise<void> {
    try {
      await this.files.prepare();
      await access(this.options.path, constants.W_OK);
      const { bavail, bsize } = await statfs(this.options.path);
      this.oldestAgeMs = await this.oldest();
      this.disk = { freeBytes: bavail * bsize, acceptedBytes: this.files.usage().bytes };
    } catch (error) {
      if (this.disk || !this.checking)
        this.logger.error({ err: error }, 'the spool cannot be used, nothing is accepted');
      this.disk = undefined;
      this.readOnly = isReadOnly(error);
    }
  }

  private refuseUnlessRoomFor(more: number): void {
    const reason = this.whyNot(more);
    if (reason !== undefined) throw refusal(reason);
  }

  private whyNot(more: number): ShutReason | undefined {
    if (!this.disk) return this.readOnly ? 'read-only' : 'unusable';
    const { bytes } = this.files.usage();
    const { freeBytes, acceptedBytes } = this.disk;
    const keptSince = Math.max(0, bytes - acceptedBytes);
    if (!this.marks.bytes.takes(bytes + this.reservedBytes, more)) return 'bytes';
    if (!this.marks.disk.takes(this.reservedBytes + keptSince - freeBytes, more)) return 'disk';
    return this.marks.age.takes(this.oldestAgeMs, 0) ? undefined : 'age';
  }

  private oldest(): Promise<number> {
    return this.options.oldestWaitingAgeMs?.() ?? Promise.resolve(this.files.usage().oldestAgeMs);
  }
}

function refusal(reason: ShutReason): ServiceError {
  if (reason === 'read-only') return spoolReadOnly();
  if (reason === 'unusable') return spoolUnusable('the spool cannot be used');
  return spoolFull('There is no room to keep the file for later.');
}
