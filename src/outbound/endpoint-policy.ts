import type { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import type { BlockPrefixIn, BlockVariable } from '../config/outbound-block.js';
import { ADMIN_CODES } from './classify-failure.js';
import type { EndpointLimits } from './endpoint-client.js';
import type { OutboundPolicies, OutboundPolicySettings } from './outbound-policies.service.js';

/** The prefix of a configuration block. */
type BlockPrefix = BlockPrefixIn<Environment>;

/** What a call is told to wait for which there is no room. */
const RETRY_AFTER_MS = 1_000;

interface Endpoint {
  /** Of the policy, and of its one target: names the circuit and the metrics. */
  readonly name: string;
  /** Undefined where it is not configured; then it has no circuit. */
  readonly url: string | undefined;
  /** What the caller is told while the circuit is open. */
  readonly whenOpen: string;
}

/** How a single endpoint is called that nothing can stand in for, by the configuration block of that prefix. */
export function endpointPolicy(
  config: ConfigService<Environment, true>,
  prefix: BlockPrefix,
  { name, url, whenOpen }: Endpoint,
): OutboundPolicySettings {
  const get = (variable: BlockVariable): number => valueOf(config, prefix, variable);
  const deadlineMs = get('DEADLINE_MS');
  const maxCalls = get('MAX_CALLS');
  const recoveryTimeoutMs = get('CIRCUIT_RECOVERY_MS');
  return {
    name,
    targetNames: url === undefined ? [] : [name],
    ownCodes: ADMIN_CODES,
    unavailable: { code: 'ADMIN_UNAVAILABLE', detail: whenOpen },
    retry: {
      attempts: get('RETRY_ATTEMPTS'),
      backoff: {
        growth: 'exponential',
        jitter: 'full',
        baseMs: get('RETRY_BASE_MS'),
        maxMs: get('RETRY_MAX_MS'),
      },
      // What a new service token cures, it does not cure here: these are called without one.
      retryIf: ({ once = false }) => !once,
    },
    circuit: {
      failureThreshold: get('CIRCUIT_FAILURE_THRESHOLD'),
      failureWindowMs: get('CIRCUIT_FAILURE_WINDOW_MS'),
      successThreshold: get('CIRCUIT_SUCCESS_THRESHOLD'),
      recoveryTimeoutMs,
      maxRecoveryTimeoutMs: Math.max(recoveryTimeoutMs, get('CIRCUIT_MAX_RECOVERY_MS')),
    },
    totalTime: { baseMs: deadlineMs, minBytesPerSecond: 1, maxMs: deadlineMs },
    bulkhead: {
      maxCalls,
      // What is sent is small: it does not count.
      maxBytes: maxCalls,
      unknownBytes: 0,
      maxQueued: maxCalls,
      maxWaitMs: deadlineMs,
      retryAfterMs: RETRY_AFTER_MS,
    },
  };
}

/** The limits of its client, of the same block. */
export function endpointLimits(
  config: ConfigService<Environment, true>,
  prefix: BlockPrefix,
): EndpointLimits {
  return {
    connectMs: valueOf(config, prefix, 'CONNECT_TIMEOUT_MS'),
    answerMs: valueOf(config, prefix, 'TIMEOUT_MS'),
    connections: valueOf(config, prefix, 'MAX_CALLS'),
  };
}

/**
 * Has an endpoint that failed not yet shown that it is well? Who asks it seldom asks again soon then: its circuit
 * would stay half-open until the next call is due.
 */
export function isOnTrial(policies: OutboundPolicies, name: string): boolean {
  return policies.require(name).targets.get(name)?.circuit.state !== 'closed';
}

function valueOf(
  config: ConfigService<Environment, true>,
  prefix: BlockPrefix,
  variable: BlockVariable,
): number {
  return config.get(`${prefix}_${variable}`, { infer: true });
}
