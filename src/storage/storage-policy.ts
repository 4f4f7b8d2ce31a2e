import type { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { STORAGE_CODES } from '../outbound/classify-failure.js';
import type { OutboundPolicySettings } from '../outbound/outbound-policies.service.js';

/** Sends a file. */
export const STORAGE_POLICY = 'storage';
/** Asks after a file or removes it: one attempt, since who asks has another way to go. */
export const STORAGE_QUERY_POLICY = 'storage-query';

/** What one turned away is told to wait. */
const RETRY_AFTER_MS = 1_000;

/** How storage elements are called: the elements are the targets, so that one stands in for another. */
export function storagePolicy(
  config: ConfigService<Environment, true>,
  targetNames: readonly string[],
): OutboundPolicySettings {
  const get = <K extends keyof Environment>(name: K): Environment[K] => config.get(name, { infer: true });
  const recoveryTimeoutMs = get('STORAGE_CIRCUIT_RECOVERY_MS');
  return {
    name: STORAGE_POLICY,
    targetNames,
    ownCodes: STORAGE_CODES,
    unavailable: { code: 'NO_STORAGE_AVAILABLE', detail: 'No storage takes files now.' },
    retry: {
      attempts: get('STORAGE_RETRY_ATTEMPTS'),
      backoff: {
        growth: 'exponential',
        jitter: 'full',
        baseMs: get('STORAGE_RETRY_BASE_MS'),
        maxMs: get('STORAGE_RETRY_MAX_MS'),
      },
    },
    circuit: {
      failureThreshold: get('STORAGE_CIRCUIT_FAILURE_THRESHOLD'),
      failureWindowMs: get('STORAGE_CIRCUIT_FAILURE_WINDOW_MS'),
      successThreshold: get('STORAGE_CIRCUIT_SUCCESS_THRESHOLD'),
      recoveryTimeoutMs,
      maxRecoveryTimeoutMs: Math.max(recoveryTimeoutMs, get('STORAGE_CIRCUIT_MAX_RECOVERY_MS')),
    },
    totalTime: {
      baseMs: get('STORAGE_DEADLINE_BASE_MS'),
      minBytesPerSecond: get('STORAGE_DEADLINE_MIN_BYTES_PER_SECOND'),
      maxMs: get('STORAGE_DEADLINE_MAX_MS'),
    },
    targetBulkhead: {
      maxCalls: get('STORAGE_ELEMENT_MAX_CALLS'),
      maxBytes: get('STORAGE_ELEMENT_MAX_INFLIGHT_BYTES'),
      unknownBytes: get('STORAGE_UNKNOWN_BYTES'),
      maxQueued: get('STORAGE_ELEMENT_MAX_QUEUED'),
      maxWaitMs: get('STORAGE_ELEMENT_MAX_WAIT_MS'),
      retryAfterMs: RETRY_AFTER_MS,
    },
    bulkhead: {
      maxCalls: get('STORAGE_MAX_CALLS'),
      maxBytes: get('STORAGE_MAX_INFLIGHT_BYTES'),
      unknownBytes: get('STORAGE_UNKNOWN_BYTES'),
      maxQueued: get('STORAGE_MAX_QUEUED'),
      maxWaitMs: get('STORAGE_MAX_WAIT_MS'),
      retryAfterMs: RETRY_AFTER_MS,
    },
  };
}
