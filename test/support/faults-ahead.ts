import { beforeAll } from '@jest/globals';
import { SHORT_TIMES } from './fault-cell.js';
import { isLongRun } from './long-run.js';

/**
 * Measures, in the block in which it is called, the faults that only the clock ends: together, before any other, because
 * they do nothing but wait. Gives a way to the measurement of each fault; the others are measured when they are asked
 * for. In a long run nothing is measured together, since the largest files alone keep a machine busy.
 */
export function measuredAhead<Fault extends { readonly variables?: unknown }, Measurement>(
  faults: readonly Fault[],
  measure: (fault: Fault) => Promise<Measurement>,
): (fault: Fault) => Promise<Measurement> {
  const ahead = new Map<Fault, Promise<Measurement>>();

  beforeAll(async () => {
    for (const fault of faults)
      if (fault.variables === SHORT_TIMES && !isLongRun) ahead.set(fault, measure(fault));
    await Promise.allSettled(ahead.values());
  });

  return (fault) => ahead.get(fault) ?? measure(fault);
}
