import { Counter, Gauge, type Registry } from '@prometheus-io/client';
import type { ConnectionEnds } from './connection-ends.js';

/** Tells how many connections are open, and how many the service refused or ended by itself. */
export function connectionMetrics(
  registry: Registry,
  openConnections: () => number,
  ends: ConnectionEnds,
): void {
  const open: Gauge = new Gauge({
    name: 'http_connections',
    help: 'Connections that are open.',
    registers: [registry],
    collect: () => open.set(openConnections()),
  });
  const ended: Counter<'reason'> = new Counter({
    name: 'http_connections_ended_total',
    help: 'Connections that the service refused, or ended by itself, by the reason.',
    labelNames: ['reason'],
    registers: [registry],
    collect: () => {
      ended.reset();
      for (const [reason, count] of ends.all) ended.inc({ reason }, count);
    },
  });
}
