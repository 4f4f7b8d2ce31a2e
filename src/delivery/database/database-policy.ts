import type { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import type { OutboundPolicySettings } from '../../resilience/outbound-policies.service.js';

/** Policy, target and circuit of the delivery database. */
export const DATABASE_POLICY = 'database';

/** Longest time for a call: waiting for a place, opening the database, and all statements of a transaction. */
const CALL_MS = 60_000;
const MAX_QUEUED = 1_000;
const RETRY_AFTER_MS = 1_000;

/**
 * How the database is called. One attempt: a transaction whose end was lost must not be repeated blindly, and who
 * asks has another way to go, or asks again by itself.
 */
export function databasePolicy(config: ConfigService<Environment, true>): OutboundPolicySettings {
  const recoveryTimeoutMs = config.get('DATABASE_CIRCUIT_RECOVERY_MS', { infer: true });
  return {
    name: DATABASE_POLICY,
    targetNames: [DATABASE_POLICY],
    ownCodes: ['QUEUE_UNAVAILABLE'],
    unavailable: { code: 'QUEUE_UNAVAILABLE', detail: 'Files cannot be accepted for later delivery now.' },
    retry: {
      attempts: 1,
      backoff: { growth: 'constant', jitter: 'none', baseMs: RETRY_AFTER_MS, maxMs: RETRY_AFTER_MS },
    },
    circuit: {
      failureThreshold: 5,
      failureWindowMs: 60_000,
      successThreshold: 1,
      recoveryTimeoutMs,
      maxRecoveryTimeoutMs: recoveryTimeoutMs,
    },
    totalTime: { baseMs: CALL_MS, minBytesPerSecond: 1, maxMs: CALL_MS },
    bulkhead: {
      maxCalls: config.get('DATABASE_POOL_SIZE', { infer: true }),
      maxBytes: Number.MAX_SAFE_INTEGER,
      unknownBytes: 1,
      maxQueued: MAX_QUEUED,
      maxWaitMs: config.get('DATABASE_STATEMENT_TIMEOUT_MS', { infer: true }),
      retryAfterMs: RETRY_AFTER_MS,
    },
  };
}
