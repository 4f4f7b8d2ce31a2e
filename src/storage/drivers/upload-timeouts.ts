import type { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import type { ElementPaceLimits } from './element-pace.js';

/** What an element has time for, in milliseconds. */
export interface UploadTimeouts extends ElementPaceLimits {
  /** To take a byte while we have one. */
  readonly stallMs: number;
  /** At least, to answer after the last byte. */
  readonly commitMs: number;
  /** To finish an answer that it began before the last byte. */
  readonly requestMs: number;
}

/** What an element behind a network is called with. Times are in milliseconds. */
export interface CallLimits extends UploadTimeouts {
  readonly connectMs: number;
  readonly maxConnections: number;
}

/** The same for all such elements. */
export function callLimitsOf(config: ConfigService<Environment, true>): CallLimits {
  const get = <K extends keyof Environment>(name: K): Environment[K] => config.get(name, { infer: true });
  return {
    connectMs: get('STORAGE_CONNECT_TIMEOUT_MS'),
    maxConnections: get('STORAGE_MAX_CONNECTIONS'),
    stallMs: get('STORAGE_STALL_TIMEOUT_MS'),
    minBytesPerSecond: get('STORAGE_MIN_BYTES_PER_SECOND'),
    rateWindowMs: get('STORAGE_MIN_RATE_WINDOW_MS'),
    commitMs: get('STORAGE_COMMIT_TIMEOUT_MS'),
    requestMs: get('STORAGE_REQUEST_TIMEOUT_MS'),
  };
}
