import type { TimeoutPhase } from '../observability/outbound-metrics.js';
import { causesOf, memberOf } from '../errors/error-causes.js';
import { TargetFailure } from './target-failure.js';

const BY_CODE = new Map<string, TimeoutPhase>([
  ['UND_ERR_CONNECT_TIMEOUT', 'connect'],
  ['UND_ERR_HEADERS_TIMEOUT', 'headers'],
  ['UND_ERR_BODY_TIMEOUT', 'stall'],
]);

/**
 * Says what a target was late with, where that is why a call failed: by the mark of who called it, by undici's
 * code, and else by the name of a `TimeoutError`, which is for a whole answer.
 */
export function timeoutPhaseOf(thrown: unknown): TimeoutPhase | undefined {
  for (const error of causesOf(thrown)) {
    const phase = phaseOf(error);
    if (phase) return phase;
  }
  return undefined;
}

function phaseOf(error: unknown): TimeoutPhase | undefined {
  if (error instanceof TargetFailure) return error.timeoutPhase;
  const code = memberOf(error, 'code');
  if (code === 'ETIMEDOUT') return memberOf(error, 'syscall') === 'connect' ? 'connect' : 'stall';
  if (typeof code === 'string') return BY_CODE.get(code);
  return memberOf(error, 'name') === 'TimeoutError' ? 'headers' : undefined;
}
