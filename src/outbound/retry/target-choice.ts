import { ServiceError } from '../../errors/service-error.js';
import type { OutboundPolicy, OutboundTarget } from '../outbound-policy.js';

/** Milliseconds until a target is no longer to be left alone; 0 when it may be called. */
function waitMs({ circuit, cooling, shownCircuit }: OutboundTarget): number {
  const byHandMs = shownCircuit?.forced ? shownCircuit.retryAfterMs : 0;
  return Math.max(circuit.retryAfterMs, cooling.remainingMs, byHandMs);
}

/** The targets that may be called now, in the order of preference; one behind an open circuit is skipped. */
export function callableTargets(names: readonly string[], policy: OutboundPolicy): string[] {
  return names.filter((name) => {
    const target = policy.targets.get(name);
    return target !== undefined && waitMs(target) === 0;
  });
}

/** The names before `chosen`, which would have been taken instead; all where none was chosen of these. */
export function preferredTo(chosen: string | undefined, names: readonly string[]): readonly string[] {
  return chosen !== undefined && names.includes(chosen) ? names.slice(0, names.indexOf(chosen)) : names;
}

/** Are all of them to be left alone? */
export function areShut(names: readonly string[], { targets }: OutboundPolicy): boolean {
  return names.flatMap((name) => targets.get(name) ?? []).every((target) => waitMs(target) > 0);
}

/** What the caller is told when none may be called: an honest time after which the first of them may. */
export function noTarget(
  names: readonly string[],
  { targets, unavailable }: OutboundPolicy,
  cause?: unknown,
): ServiceError {
  const waits = names.flatMap((name) => targets.get(name) ?? []).map(waitMs);
  return new ServiceError(unavailable.code, unavailable.detail, {
    cause,
    retryAfterMs: Math.max(1_000, Math.min(...waits)),
  });
}
