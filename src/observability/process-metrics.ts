import { collectDefaultMetrics, Registry } from 'prom-client';

let registry: Registry | undefined;

/**
 * What the process uses: CPU, memory, files, event loop, garbage collection. One for the process and not for each
 * application in it, because prom-client never stops the observers that it starts for these.
 */
export function processMetrics(): Registry {
  if (!registry) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry;
}
