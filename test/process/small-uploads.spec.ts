import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sha256 } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { pathOf } from '../support/tus-requests.js';

const BYTES = randomBytes(1_000);
const BODY = { 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' };

describe('a service that is killed while a small upload finds its place', () => {
  let dataDir: string;
  let element: StorageElementServer;
  let origin: string;
  const services: ServiceProcess[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-small-'));
    element = await StorageElementServer.start();
    await start();
  });

  afterEach(async () => {
    for (const service of services.splice(0).toReversed()) await service.dispose();
    await element.close();
  });

  async function start(): Promise<void> {
    const service = await startServiceProcess({
      NODE_ENV: 'development',
      SKIP_AUTH: 'true',
      DATA_DIR: dataDir,
      SPOOL_MIN_FREE_BYTES: '0',
      STORAGE_ELEMENTS: JSON.stringify([
        { id: 'se-1', driver: 'http', url: element.url, mode: 'edit', priority: 1 },
      ]),
    });
    services.push(service);
    origin = `http://127.0.0.1:${await service.port()}`;
  }

  async function send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Buffer,
  ): Promise<Response> {
    const all = { 'Tus-Resumable': '1.0.0', ...headers };
    return fetch(origin + path, { method, headers: all, body: body ? new Uint8Array(body) : null });
  }

  /** Kills the service when the element has the file of the request, and nobody knows of that yet. */
  async function killWithin(request: Promise<unknown>): Promise<void> {
    const cut = request.then(
      () => false,
      () => true,
    );
    await eventually(() => Promise.resolve(expect(element.files.size).toBe(1)));
    services.at(-1)?.child.kill('SIGKILL');
    await services.at(-1)?.exitCode();
    expect(await cut).toBe(true);
    element.options.fault = undefined;
    await start();
  }

  it('has its bytes sent again, and one file of them', async () => {
    const created = await send('POST', '/api/v1/uploads', { 'Upload-Length': '1000' });
    const path = pathOf(String(created.headers.get('location')));
    element.options.fault = { kind: 'hang' };
    await killWithin(send('PATCH', path, BODY, BYTES));
    expect((await send('HEAD', path, {})).headers.get('upload-offset')).toBe('0');
    const again = await send('PATCH', path, BODY, BYTES);
    expect([again.status, again.headers.get('upload-offset')]).toEqual([204, '1000']);
    expect([...element.files.values()]).toMatchObject([{ sha256: sha256(BYTES) }]);
    expect((await send('HEAD', path, {})).headers.get('upload-offset')).toBe('1000');
  });

  it('knows nothing of it where nobody was told of it', async () => {
    element.options.fault = { kind: 'hang' };
    await killWithin(send('POST', '/api/v1/uploads', { ...BODY, 'Upload-Length': '1000' }, BYTES));
    const list = await send('GET', '/api/v1/uploads', {});
    expect(await list.json()).toMatchObject({ uploads: [] });
  });

  it('tells that it is complete when it was answered so, also after it was killed', async () => {
    const created = await send('POST', '/api/v1/uploads', { ...BODY, 'Upload-Length': '1000' }, BYTES);
    expect(created.status).toBe(201);
    services.at(-1)?.child.kill('SIGKILL');
    await services.at(-1)?.exitCode();
    await start();
    const head = await send('HEAD', pathOf(String(created.headers.get('location'))), {});
    expect(head.headers.get('upload-offset')).toBe('1000');
    expect(head.headers.get('content-location')).toContain('/api/v1/files/');
  });
});
