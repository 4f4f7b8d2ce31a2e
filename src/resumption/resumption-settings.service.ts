import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { join } from 'node:path';
import { spoolPath } from '../body/spool-path.js';
import type { Environment } from '../config/environment.js';

/** How uploads may come in several requests, in the form in which it is used. */
@Injectable()
export class ResumptionSettings {
  /** The folder of all uploads that are not complete. */
  readonly root: string;
  readonly maxIdleMs: number;
  readonly retentionMs: number;
  readonly sweepIntervalMs: number;
  readonly maxUploadsPerCaller: number;
  readonly maxBytesPerCaller: number;

  constructor(config: ConfigService<Environment, true>) {
    this.root = join(spoolPath(config), 'uploads');
    this.maxIdleMs = config.get('RESUMABLE_MAX_IDLE_MS', { infer: true });
    this.retentionMs = config.get('RESUMABLE_RETENTION_MS', { infer: true });
    this.sweepIntervalMs = config.get('RESUMABLE_SWEEP_INTERVAL_MS', { infer: true });
    this.maxUploadsPerCaller = config.get('RESUMABLE_MAX_UPLOADS_PER_CALLER', { infer: true });
    this.maxBytesPerCaller = config.get('RESUMABLE_MAX_BYTES_PER_CALLER', { infer: true });
  }
}
