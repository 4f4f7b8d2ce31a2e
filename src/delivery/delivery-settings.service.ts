import { Inject, Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import { commitTimeMs } from '../storage/commit-time.js';
import type { RetentionPolicy } from '../storage/storage-element.js';
import { type DeliveryLane, laneOf } from './lanes.js';
import type { RetryLimits } from './worker/next-step.js';

const DAY_MS = 86_400_000;

/** The terms of delivery, in the form in which they are used, and the clock by which they are kept. */
@Injectable()
export class DeliverySettings {
  readonly limits: RetryLimits;
  readonly maxAgeMs: number;
  /** Is there an Admin module to register files at? */
  readonly registers: boolean;
  readonly maxDoubtMs: number;
  readonly leaseMs: number;
  readonly pollMs: number;
  /** How long deliveries under way may go on when the service ends. */
  readonly shutdownGraceMs: number;
  /** How long receipts are kept. */
  readonly receiptMs: number;
  /** How long dead letters are kept; undefined: until they are dropped. */
  readonly letterMs: number | undefined;
  /** Tasks of a lane that are worked on at once: small files, and what needs none; large files. */
  readonly concurrency: { readonly small: number; readonly large: number };
  private readonly largeBytes: number;
  private readonly leastCommitMs: number;

  constructor(
    @Inject(CLOCK) readonly clock: Clock,
    config: ConfigService<Environment, true>,
  ) {
    this.limits = {
      maxAttempts: config.get('DELIVERY_MAX_ATTEMPTS', { infer: true }),
      baseMs: config.get('DELIVERY_BACKOFF_BASE_MS', { infer: true }),
      maxMs: config.get('DELIVERY_BACKOFF_MAX_MS', { infer: true }),
    };
    this.registers = config.get('ADMIN_URL', { infer: true }) !== undefined;
    this.maxAgeMs = config.get('DELIVERY_MAX_AGE_MS', { infer: true });
    this.maxDoubtMs = config.get('DELIVERY_MAX_DOUBT_MS', { infer: true });
    this.leaseMs = config.get('DELIVERY_LEASE_MS', { infer: true });
    this.pollMs = config.get('DELIVERY_POLL_MS', { infer: true });
    this.shutdownGraceMs = config.get('SHUTDOWN_GRACE_MS', { infer: true });
    this.receiptMs = config.get('RECEIPT_RETENTION_DAYS', { infer: true }) * DAY_MS;
    this.letterMs = config.get('DEAD_LETTER_RETENTION_DAYS', { infer: true }) * DAY_MS || undefined;
    this.largeBytes = config.get('DELIVERY_LARGE_BYTES', { infer: true });
    this.leastCommitMs = config.get('STORAGE_COMMIT_TIMEOUT_MS', { infer: true });
    this.concurrency = {
      small: config.get('DELIVERY_CONCURRENCY', { infer: true }),
      large: config.get('DELIVERY_LARGE_CONCURRENCY', { infer: true }),
    };
  }

  /** Where the delivery of an upload waits. */
  laneOf(size: number, policy: RetentionPolicy): DeliveryLane {
    return laneOf(size, policy, this.largeBytes);
  }

  /** How long an element may be busy with a file after its last byte, in milliseconds. */
  commitMs(size: number): number {
    return commitTimeMs(size, this.leastCommitMs);
  }
}
