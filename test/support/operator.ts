import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import type { CircuitReport } from '../../src/outbound/circuit-reports.js';
import { Orders } from '../../src/replicas/orders.service.js';
import type { RunningApp } from './app.js';
import type { Json } from './accepted-service.js';

/** An answer with its JSON. */
interface OperatorsAnswer {
  readonly status: number;
  readonly body: Json;
}

/** Calls the API as `olga`, who is an admin. */
export async function asOperator(
  running: Pick<RunningApp, 'url' | 'token'>,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<OperatorsAnswer> {
  const answer = await fetch(`${running.url}/api/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${await running.token({ sub: 'olga', role: 'admin' })}`,
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Json };
}

/** How a circuit is at one replica. */
export function circuitAt({ app }: RunningApp, name: string): CircuitReport {
  const circuit = app.get(CircuitBreakers).get(name);
  if (!circuit) throw new Error(`there is no circuit ${name}`);
  return circuit.report();
}

/** Has a replica see what was ordered, as it does every five seconds. */
export function seeOrders({ app }: RunningApp): Promise<void> {
  return app.get(Orders, { strict: false }).read();
}
