import { collectDefaultMetrics, Counter, Registry } from '@prometheus-io/client';
import { standardOutput } from './standard-output.js';

/** Promtool finds these names wrong; what they say, others of the client say as well, but for the use of the event loop. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  'nodejs_eventloop_utilization_histogram',
  'nodejs_eventloop_utilization_summary',
];

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
    for (const name of MISNAMED) registry.removeSingleMetric(name);
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
