import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { parseEnvironment } from '../support/parse-environment.js';
import { listenForManagement, ManagementPortError } from '../../src/connections/management-port.js';
import { ShutdownState } from '../../src/observability/shutdown-state.js';
import { type RunningApp, startApp } from '../support/app.js';
import { RawClient, type RawResponse } from '../support/raw-client.js';

const PROBES = ['/health', '/health/live', '/health/ready', '/health/ready/', '/HEALTH/live?a'];
const MANAGEMENT = [
  '/metrics',
  '/METRICS/',
  '/metrics?name=x',
  '/health/circuit-breakers',
  '/health/dlq',
  '/docs',
  '/docs/',
  '/docs/json',
  '/docs/swagger-ui.css',
];

describe('the management port', () => {
  let running: RunningApp;

  afterEach(() => running.close());

  const start = async (variables: Record<string, string> = {}): Promise<void> => {
    running = await startApp({ MANAGEMENT_PORT: '0', ...variables });
  };
  const managed = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`http://127.0.0.1:${running.managementPort}${path}`, init);
  const open = (path: string, init?: RequestInit): Promise<Response> => fetch(running.url + path, init);

  async function raw(target: string, port = running.port): Promise<RawResponse> {
    const client = await RawClient.connect(port);
    const response = await client.head(`GET ${target}`, { Connection: 'close' }).response();
    client.close();
    return response;
  }

  it('has what is for those who run the service, and the public one does not', async () => {
    await start();
    for (const path of MANAGEMENT) {
      expect([path, (await managed(path)).status]).toEqual([path, 200]);
      const answer = await open(path);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(await answer.json()).toMatchObject({ code: 'NOT_FOUND', detail: 'There is no such resource.' });
      expect((await open(path, { method: 'HEAD' })).status).toBe(404);
    }
  });

  it.each([
    '/metrics#a',
    'http://x/metrics',
    '/metrics\u00a0',
    '/metrics\\',
    '//metrics',
    '/%6detrics',
    '/a/../metrics',
  ])('is not gone round by %j', async (target) => {
    await start();
    const { status, body } = await raw(target);
    expect([400, 404]).toContain(status);
    expect(body).not.toContain('process_cpu');
  });

  it('answers whether the process lives and is ready, as the public one does with the status alone', async () => {
    await start();
    for (const path of PROBES) {
      expect((await managed(path)).status).toBe(200);
      expect((await open(path)).status).toBe(200);
    }
    expect(await (await managed('/health/ready')).json()).toMatchObject({
      status: 'ok',
      details: { 'storage:1': { status: 'up' } },
    });
    expect(await (await open('/health/ready')).json()).toEqual({ status: 'ok' });
    running.app.get(ShutdownState).begin();
    for (const answer of [await open('/health/ready'), await managed('/health/ready')]) {
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ status: 'shutting_down' });
    }
  });

  it('has nothing of the API, and the public one has all of it', async () => {
    await start();
    const authorization = `Bearer ${await running.token({ role: 'admin' })}`;
    for (const path of ['/api/v1/resilience/summary', '/api/v1/health/ready', '/api/v1/dead-letters']) {
      expect((await open(path, { headers: { authorization } })).status).toBe(200);
      expect((await managed(path, { headers: { authorization } })).status).toBe(404);
    }
  });

  it('is guarded as the public one', async () => {
    await start({ MAX_HEADER_BYTES: '2048' });
    const client = await RawClient.connect(running.managementPort ?? 0);
    client.head('GET /health', { 'X-Long': 'x'.repeat(4_000) });
    expect((await client.response()).status).toBe(431);
    client.close();
  });

  it('closes with the service', async () => {
    await start();
    const client = await RawClient.connect(running.managementPort ?? 0);
    await client.head('GET /health/live', {}).response();
    await running.close();
    await client.untilClosed();
    await expect(managed('/health/live')).rejects.toThrow('fetch failed');
  });

  it('is not there unless it is asked for', async () => {
    running = await startApp();
    expect(running.managementPort).toBeUndefined();
    for (const path of [...PROBES, ...MANAGEMENT]) expect((await open(path)).status).toBe(200);
    expect(await (await open('/health/ready')).json()).toHaveProperty('details');
  });

  it('fails where it is taken', async () => {
    running = await startApp();
    const taken = createServer();
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const environment = parseEnvironment({ HOST: '127.0.0.1', MANAGEMENT_PORT: String(port) });
    await expect(listenForManagement(running.app, environment)).rejects.toThrow(ManagementPortError);
    taken.close();
  });
});
