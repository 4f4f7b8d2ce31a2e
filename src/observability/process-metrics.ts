import { collectDefaultMetrics, Registry } from '@prometheus-io/client';

let registry: Registry | undefined;

/**
 * What the process uses: CPU, memory, files, event loop, garbage collection. One for the process and not for each
 * application in it, because the client of Prometheus never stops the observers that it starts for these.
 */
export function processMetrics(): Registry {
  if (!registry) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry;
}
