import type { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import type { OutboundPolicySettings } from '../outbound/outbound-policies.service.js';

/** Policy, target and circuit of the delivery database. */
export const DATABASE_POLICY = 'database';

const RETRY_AFTER_MS = 1_000;

/**
 * How the database is called. One attempt: a transaction whose end was lost must not be repeated blindly, and who
 * asks has another way to go, or asks again by itself.
 */
export function databasePolicy(config: ConfigService<Environment, true>): OutboundPolicySettings {
  const get = <K extends keyof Environment>(name: K): Environment[K] => config.get(name, { infer: true });
  const recoveryTimeoutMs = get('DATABASE_CIRCUIT_RECOVERY_MS');
  const callMs = get('DATABASE_CALL_TIMEOUT_MS');
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
      failureThreshold: get('DATABASE_CIRCUIT_FAILURE_THRESHOLD'),
      failureWindowMs: get('DATABASE_CIRCUIT_FAILURE_WINDOW_MS'),
      successThreshold: get('DATABASE_CIRCUIT_SUCCESS_THRESHOLD'),
      recoveryTimeoutMs,
      maxRecoveryTimeoutMs: recoveryTimeoutMs,
    },
    totalTime: { baseMs: callMs, minBytesPerSecond: 1, maxMs: callMs },
    bulkhead: {
      maxCalls: get('DATABASE_POOL_SIZE'),
      maxBytes: Number.MAX_SAFE_INTEGER,
      unknownBytes: 1,
      maxQueued: get('DATABASE_MAX_QUEUED'),
      maxWaitMs: get('DATABASE_STATEMENT_TIMEOUT_MS'),
      retryAfterMs: RETRY_AFTER_MS,
    },
  };
}
