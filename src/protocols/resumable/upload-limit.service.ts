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

  /** What a new upload has to keep to: its bytes, and the seconds for which it may stand still. */
  get ofNew(): string {
    return this.write(this.maxIdleMs);
  }

  /** What does not go by time; a complete upload has all the time that there is. */
  get ofRequests(): string {
    return `max-size=${this.limits.maxFileBytes}`;
  }

  /** The same of one upload, as it is now. */
  of({ expiresAtMs }: Pick<UploadState, 'expiresAtMs'>): string {
    return expiresAtMs === undefined ? this.ofRequests : this.write(expiresAtMs - this.clock.wallMs());
  }

  private write(leftMs: number): string {
    return `${this.ofRequests}, max-age=${Math.max(0, Math.floor(leftMs / 1000))}`;
  }
}
