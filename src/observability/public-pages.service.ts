import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { SharedResult } from './shared-result.js';

/** Probes and scrapes of an honest installation are a few at once. */
const MAX_WAITING = 100;

/** Limits what pages that need no token may cost: each is made at most once in `REPORT_MAX_AGE_MS`, for all who ask. */
@Injectable()
export class PublicPages {
  private readonly maxAgeMs: number;

  constructor(config: ConfigService<Environment, true>) {
    this.maxAgeMs = config.get('REPORT_MAX_AGE_MS', { infer: true });
  }

  /** Shares what `make` makes; with BULKHEAD_FULL for those who come when too many wait for it. */
  share<T>(make: () => Promise<T>): SharedResult<T> {
    return new SharedResult(make, { maxAgeMs: this.maxAgeMs, maxWaiting: MAX_WAITING });
  }
}
