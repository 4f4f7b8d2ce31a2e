import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { StorageGateway } from '../../src/storage/storage-gateway.service.js';
import { ActiveUploads } from '../../src/ingest/active-uploads.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/raw-client.js';
import { StorageElementServer } from '../support/storage-element-server.js';

const TARGET = 'storage:se-1';
/** An element takes so long for an answer to a question, which is well within the time that it has. */
const DELAY_MS = 30_000;

describe('a question to an element that takes its time', () => {
  let element: StorageElementServer;
  let running: RunningApp;

  beforeEach(async () => {
    element = await StorageElementServer.start();
    element.options.delayMs = DELAY_MS;
    running = await startApp({
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: element.url, mode: 'edit' }]),
      STORAGE_REQUEST_TIMEOUT_MS: '60000',
      MAX_LOOKUPS_PER_CALLER: '4',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
  });

  afterEach(async () => {
    await running.close();
    await element.close();
  });

  const asked = (method: string): Promise<void> =>
    eventually(async () => expect(element.requests.map((request) => request.method)).toContain(method));

  it('ends with the client that sends the file, and says nothing of the element', async () => {
    const client = await RawClient.connect(running.port);
    client.head(`PUT /api/v1/files/${randomUUID()}`, {
      Authorization: `Bearer ${await running.token()}`,
      'Content-Type': 'application/octet-stream',
      'Content-Length': 100_000,
    });
    client.send('hello');
    await asked('GET');
    expect(running.app.get(ActiveUploads).count).toBe(1);
    client.reset();
    await eventually(async () => expect(running.app.get(ActiveUploads).count).toBe(0));
    expect(running.app.get(CircuitBreakers).get(TARGET)?.totals).toMatchObject({ failure: 0, neutral: 0 });
  });

  describe('after a receipt', () => {
    const clients: RawClient[] = [];

    afterEach(() => clients.splice(0).forEach((client) => client.close()));

    /** Asks, and gives the client that waits for the answer. */
    async function ask(
      request: string,
      subject = 'alice',
      headers: Record<string, string | number> = {},
    ): Promise<RawClient> {
      const client = await RawClient.connect(running.port);
      clients.push(client);
      const authorization = `Bearer ${await running.token({ sub: subject })}`;
      return client.head(request, { Authorization: authorization, ...headers });
    }

    async function underWay(lookups: number): Promise<void> {
      const line = new RegExp(`^resilience_bulkhead_inflight{name="lookups"} ${lookups}$`, 'm');
      await eventually(async () =>
        expect(await (await fetch(`${running.url}/metrics`)).text()).toMatch(line),
      );
    }

    /** What is under way here has come to the element a moment later. */
    const arrived = (requests: number): Promise<void> =>
      eventually(() => {
        expect(element.requests).toHaveLength(requests);
        return Promise.resolve();
      });

    it('is put once at a time, however many want to know', async () => {
      const id = randomUUID();
      const path = `/api/v1/files/${id}`;
      for (const request of [`GET ${path}`, `HEAD ${path}`, `DELETE ${path}`, `GET ${path}/events`])
        await ask(request);
      await ask(`GET /api/v1/files/${id.toUpperCase()}`, 'bob');
      await underWay(5);
      await arrived(1);
      expect(element.requests.map((question) => question.path)).toEqual([path]);
    });

    it('is put once for uploads of one id, of which the others are refused meanwhile', async () => {
      const path = `/api/v1/files/${randomUUID()}`;
      const put = async (): Promise<RawClient> =>
        (await ask(`PUT ${path}`, 'alice', { 'Content-Type': 'text/plain', 'Content-Length': 100_000 })).send(
          'hello',
        );
      await put();
      await asked('GET');
      for (let count = 0; count < 3; count += 1) {
        expect((await (await put()).response()).json()).toMatchObject({ code: 'UPLOAD_IN_PROGRESS' });
      }
      expect(element.requests.map((question) => question.path)).toEqual([path]);
    });

    it('is not put for a caller who has too many under way, and is for another one', async () => {
      for (let count = 0; count < 4; count += 1) await ask(`GET /api/v1/files/${randomUUID()}`);
      await underWay(4);
      for (const request of ['GET', 'DELETE'].map((method) => `${method} /api/v1/files/${randomUUID()}`)) {
        const refused = await (await ask(request)).response();
        expect([refused.status, refused.json().code]).toEqual([429, 'RATE_LIMITED']);
        expect(refused.headers.get('retry-after')).toBe('1');
      }
      await ask(`GET /api/v1/files/${randomUUID()}`, 'bob');
      await underWay(5);
      await arrived(5);
    });
  });

  it.each(['stat', 'remove'] as const)('ends with the signal of the call: %s', async (what) => {
    const leaving = new AbortController();
    const call = { targets: [TARGET], fileId: randomUUID(), signal: leaving.signal };
    const question = running.app.get(StorageGateway)[what](call);
    await asked(what === 'stat' ? 'GET' : 'DELETE');
    leaving.abort(new Error('gone'));
    await expect(question).rejects.toThrow('gone');
  });
});
