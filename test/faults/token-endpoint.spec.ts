import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { TokenEndpointServer } from '../support/token-endpoint.js';

const BROKEN = { status: 500, body: '' };

describe('a token endpoint that fails', () => {
  let element: StorageElementServer;
  let endpoint: TokenEndpointServer;
  let running: RunningApp;

  async function start(variables: Record<string, string> = {}): Promise<void> {
    running = await startApp({
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: element.url, mode: 'edit' }]),
      SERVICE_TOKEN_URL: endpoint.url,
      SERVICE_CLIENT_ID: 'ingester',
      SERVICE_CLIENT_SECRET: 'hunter2',
      SERVICE_TOKEN_RETRY_BASE_MS: '1',
      SERVICE_TOKEN_CIRCUIT_RECOVERY_MS: '1000',
      SERVICE_TOKEN_CIRCUIT_MAX_RECOVERY_MS: '1000',
      // Nothing is kept for later, so that the answer tells of the token endpoint.
      DELIVER_LATER: 'false',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
      ...variables,
    });
  }

  beforeEach(async () => {
    element = await StorageElementServer.start();
    endpoint = await TokenEndpointServer.start();
  });

  afterEach(async () => {
    await running.close();
    await Promise.all([element.close(), endpoint.close()]);
  });

  async function upload(): Promise<Response> {
    const body = new FormData();
    body.append('file', new Blob(['hello']), 'a.txt');
    const headers = { authorization: `Bearer ${await running.token()}` };
    return fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body });
  }

  async function circuits(): Promise<Record<string, Record<string, unknown>>> {
    const headers = { authorization: `Bearer ${await running.token({ role: 'admin' })}` };
    const answer = await fetch(`${running.url}/api/v1/resilience/circuit-breakers`, { headers });
    return (await answer.json()) as Record<string, Record<string, unknown>>;
  }

  it('is left alone after five attempts, and asked again and trusted when it is well', async () => {
    await start({ SERVICE_TOKEN_CIRCUIT_RECOVERY_MS: '5000' });
    endpoint.options.fault = BROKEN;
    for (const attempts of [3, 5]) {
      const refused = await upload();
      expect(await refused.json()).toMatchObject({
        status: 502,
        code: 'ADMIN_UNAVAILABLE',
        retryable: true,
      });
      expect(endpoint.requests).toHaveLength(attempts);
    }
    expect(await circuits()).toMatchObject({
      'token-endpoint': { state: 'open', failure_count: 5 },
      'storage:se-1': { state: 'closed', failure_count: 0 },
    });

    const refused = await Promise.all(Array.from({ length: 50 }, upload));
    for (const { status, headers } of refused) {
      expect(status).toBe(502);
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(6);
    }
    expect(endpoint.requests).toHaveLength(5);

    endpoint.options.fault = undefined;
    await eventually(async () =>
      expect(await circuits()).toMatchObject({ 'token-endpoint': { state: 'half_open' } }),
    );
    expect((await upload()).status).toBe(201);
    expect((await upload()).status).toBe(201);
    await eventually(async () =>
      expect(await circuits()).toMatchObject({ 'token-endpoint': { state: 'closed' } }),
    );
    expect(endpoint.requests).toHaveLength(7);
  });

  it('is not noticed while there is a valid token', async () => {
    await start();
    expect((await upload()).status).toBe(201);
    await endpoint.close();
    const answers = await Promise.all(Array.from({ length: 20 }, upload));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  });

  it('makes nobody wait longer than its deadline, and is blamed alone', async () => {
    await start({ SERVICE_TOKEN_TIMEOUT_MS: '60000', SERVICE_TOKEN_DEADLINE_MS: '1000' });
    endpoint.options.fault = 'hang';
    const startedAtMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 20 }, upload));
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([502]));
    expect(endpoint.requests).toHaveLength(1);
    expect(await circuits()).toMatchObject({
      'token-endpoint': { failure_count: 1 },
      'storage:se-1': { failure_count: 0 },
    });
  });

  it('does not hold a client that leaves', async () => {
    await start({ SERVICE_TOKEN_TIMEOUT_MS: '60000', SERVICE_TOKEN_DEADLINE_MS: '60000' });
    endpoint.options.fault = 'hang';
    // So large that an element is called before all of it has come.
    const body = multipart([filePart(Buffer.alloc(200_000))]);
    const client = await RawClient.connect(running.port);
    client
      .head('POST /api/v1/files/upload', {
        Authorization: `Bearer ${await running.token()}`,
        'Content-Type': MULTIPART_TYPE,
        'Content-Length': body.length,
      })
      .send(body.subarray(0, -10));
    await eventually(async () => expect(endpoint.requests).toHaveLength(1));
    client.reset();
    await eventually(async () => {
      const metrics = await (await fetch(`${running.url}/metrics`)).text();
      expect(metrics).toMatch(/^upload_inflight(?:\{[^}]*\})? 0$/m);
    });
  });
});
