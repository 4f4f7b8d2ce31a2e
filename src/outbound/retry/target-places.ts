import { ServiceError } from '../../errors/service-error.js';
import type { OutboundCall } from '../outbound-call.js';
import type { OutboundPolicy } from '../outbound-policy.js';
import type { Place } from '../tally.js';

/** A target chosen for one attempt, and the place that the attempt has there until it is released. */
export interface TargetPlace extends Pick<Place, 'release'> {
  readonly target: string;
}

/** Who has no limit of its own has room for all. */
const UNLIMITED: Pick<Place, 'release'> = { release: () => undefined };

/**
 * Takes a place at the first of `names` that has room, at once, so that choice and place are one decision. Where all
 * are full it waits at the one with the shortest queue.
 * @throws BULKHEAD_FULL when none had room in time; the reason of `call.signal` or `call.abandoned` when that aborts
 */
export async function takePlace(
  names: readonly string[],
  call: OutboundCall,
  policy: OutboundPolicy,
): Promise<TargetPlace> {
  const free = freePlace(names, call, policy);
  if (free) return free;
  const target = shortestQueue(names, policy);
  try {
    const { release } = (await policy.targets.get(target)?.bulkhead?.acquire(call)) ?? UNLIMITED;
    return { target, release };
  } catch (error) {
    // Somebody may have left another one meanwhile.
    const freed = isFull(error) && freePlace(names, call, policy);
    if (freed) return freed;
    throw error;
  }
}

function freePlace(
  names: readonly string[],
  call: OutboundCall,
  policy: OutboundPolicy,
): TargetPlace | undefined {
  for (const target of names) {
    const bulkhead = policy.targets.get(target)?.bulkhead;
    const place = bulkhead ? bulkhead.tryAcquire(call) : UNLIMITED;
    if (place) return { target, release: place.release };
  }
  return undefined;
}

/** Of equal ones the preferred one. */
function shortestQueue(names: readonly string[], { targets }: OutboundPolicy): string {
  const queued = (name: string): number => targets.get(name)?.bulkhead?.stats.queued ?? 0;
  return names.toSorted((one, other) => queued(one) - queued(other))[0] ?? '';
}

function isFull(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'BULKHEAD_FULL';
}
