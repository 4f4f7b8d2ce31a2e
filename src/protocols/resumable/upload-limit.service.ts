import { Inject, Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import { UploadLimits } from '../../ingest/upload-limits.js';
import type { UploadState } from '../../resumption/resumable-upload.js';
import { CLOCK, type Clock } from '../../timing/clock.js';

/** Writes the field `Upload-Limit`: what an upload has to keep to. */
@Injectable()
export class UploadLimit {
  private readonly maxIdleMs: number;

  constructor(
    config: ConfigService<Environment, true>,
    private readonly limits: UploadLimits,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.maxIdleMs = config.get('RESUMABLE_MAX_IDLE_MS', { infer: true });
  }

  /** What every upload has to keep to: its bytes, and the seconds for which it may stand still. */
  get ofAll(): string {
    return this.write(this.maxIdleMs);
  }

  /** One that is complete has all the time that there is. */
  get ofComplete(): string {
    return `max-size=${this.limits.maxFileBytes}`;
  }

  /** The same of one upload, as it is now. */
  of({ expiresAtMs }: UploadState): string {
    return expiresAtMs === undefined ? this.ofComplete : this.write(expiresAtMs - this.clock.wallMs());
  }

  private write(leftMs: number): string {
    return `${this.ofComplete}, max-age=${Math.max(0, Math.floor(leftMs / 1000))}`;
  }
}
