import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type AcceptingService, DOWN, type Json, startAccepting } from '../support/accepted-service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { elementsAt } from '../support/fault-cell.js';
import { StorageElementServer } from '../support/storage-element-server.js';

const MALLORY = { sub: 'mallory' };
const BYTES = Buffer.from('hello');

/** All that a client sees, but for what tells the request and not the answer. */
interface Seen {
  readonly status: number;
  readonly headers: Json;
  readonly body: Json;
}

describe('the receipts of others', () => {
  let service: AcceptingService;
  let elements: [StorageElementServer, StorageElementServer];

  beforeEach(async () => {
    elements = [await StorageElementServer.start(), await StorageElementServer.start()];
    const urls = elements.map(({ url }) => url);
    service = await startAccepting({ STORAGE_ELEMENTS: elementsAt(urls) });
  });

  afterEach(async () => {
    await service.close();
    for (const element of elements) await element.close();
  });

  async function seen(id: string, method: string, suffix = ''): Promise<Seen> {
    const answer = await service.call(`/api/v1/files/${id}${suffix}`, { method }, MALLORY);
    const { date: _, 'x-request-id': __, ...headers } = Object.fromEntries(answer.headers);
    const text = (await answer.text()).replaceAll(id, 'ID');
    const body = text === '' ? {} : (JSON.parse(text) as Json);
    delete body.trace_id;
    return { status: answer.status, headers, body };
  }

  /** Ids of alice's uploads, by what became of them. */
  async function idsOfAlice(): Promise<Record<string, string>> {
    const stored = randomUUID();
    expect((await service.put(stored, BYTES)).status).toBe(201);
    for (const element of elements) element.options.fault = DOWN;
    const accepted = randomUUID();
    expect((await service.put(accepted, BYTES)).status).toBe(202);
    const cancelled = randomUUID();
    expect((await service.put(cancelled, BYTES)).status).toBe(202);
    await eventually(async () => {
      const answer = await service.call(`/api/v1/files/${cancelled}`, { method: 'DELETE' });
      expect(answer.status).toBe(200);
    });
    return { stored, accepted, cancelled };
  }

  const REQUESTS = [
    ['GET', ''],
    ['HEAD', ''],
    ['DELETE', ''],
    ['GET', '/events'],
  ] as const;

  it.each([
    ['can all be asked', false, 404],
    ['cannot all be asked', true, 503],
  ])('look as those that nobody has while elements %s', async (_, isAway, status) => {
    const ids = await idsOfAlice();
    if (isAway) await elements[1].close();
    for (const [method, suffix] of REQUESTS) {
      const unknown = await seen(randomUUID(), method, suffix);
      expect(unknown.status).toBe(status);
      for (const [what, id] of Object.entries(ids)) {
        expect({ what, ...(await seen(id, method, suffix)) }).toEqual({ what, ...unknown });
      }
    }
    // Their owner is told, as far as it is known here.
    const own = async (id = ''): Promise<number> => (await service.call(`/api/v1/files/${id}`)).status;
    expect(await Promise.all([own(ids.stored), own(ids.accepted), own(ids.cancelled)])).toEqual([
      200, 200, 200,
    ]);
  });

  it('are not found out while their element cannot be asked, and their owner is not told that there is none', async () => {
    const { stored } = await idsOfAlice();
    await elements[0].close();
    expect(await seen(stored ?? '', 'GET')).toEqual(await seen(randomUUID(), 'GET'));
    expect((await service.call(`/api/v1/files/${stored}`)).status).toBe(503);
  });
});

describe('questions that an element has had enough of', () => {
  let element: StorageElementServer;
  let running: RunningApp;

  beforeEach(async () => {
    element = await StorageElementServer.start();
    running = await startApp({ STORAGE_ELEMENTS: elementsAt([element.url]), SHUTDOWN_DRAIN_DELAY_MS: '0' });
  });

  afterEach(async () => {
    await running.close();
    await element.close();
  });

  async function call(method: string, claims: Json = {}, body?: string): Promise<Response> {
    const headers = { authorization: `Bearer ${await running.token(claims)}` };
    return fetch(`${running.url}/api/v1/files/${randomUUID()}`, { method, headers, body });
  }

  it.each([
    ['429 for a minute', 1, 429, { 'retry-after': '60' }],
    ['503 for a minute', 1, 503, { 'retry-after': '60' }],
    // Who names no time is asked again, and fails if he says it a second later.
    ['429', 20, 429, {}],
    ['500', 5, 500, {}],
  ])('stop no uploads: %s', async (_, asked, status, headers) => {
    element.options.questionFault = { status, headers };
    for (let count = 0; count < 20; count += 1) {
      expect((await call('GET', MALLORY)).status).toBe(503);
    }
    const { length } = element.requests;
    expect((await call('PUT', {}, 'hello')).status).toBe(201);
    expect(element.uploads).toHaveLength(1);
    expect(length).toBeLessThanOrEqual(asked);
    const circuits = await (await fetch(`${running.url}/health/circuit-breakers`)).json();
    expect(circuits).toMatchObject({ summary: { open_circuits: 0, half_open_circuits: 0 } });
  });
});
