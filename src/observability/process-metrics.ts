import { collectDefaultMetrics, Counter, Registry } from '@prometheus-io/client';
import { standardOutput } from './standard-output.js';

let registry: Registry | undefined;

/**
 * What the process uses: CPU, memory, files, event loop, garbage collection; and what its log has lost. One for the
 * process and not for each application in it, because the client of Prometheus never stops the observers that it starts
 * for these.
 */
export function processMetrics(): Registry {
  if (!registry) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
    countDroppedLines(registry);
  }
  return registry;
}

function countDroppedLines(register: Registry): void {
  const counter: Counter = new Counter({
    name: 'log_lines_dropped_total',
    help: 'Log lines that standard output did not take.',
    registers: [register],
    collect: () => {
      counter.reset();
      counter.inc(standardOutput().droppedLines);
    },
  });
}
