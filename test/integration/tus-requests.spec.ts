import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type RunningApp, startApp } from '../support/app.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

describe('requests for a tus upload', () => {
  let running: RunningApp;
  let token: string;
  let tus: TusRequests;
  let other: TusRequests;

  beforeAll(async () => {
    running = await startApp();
    token = await running.token();
    tus = new TusRequests(running, token);
    other = new TusRequests(running, await running.token({ sub: 'bob' }));
  });

  afterAll(() => running.close());

  it("are nobody else's business", async () => {
    const location = await tus.begin(3);
    await other.head(location).expect(404);
    await other.patch(location, 0, Buffer.from('abc')).expect(404);
    await other.remove(location).expect(404);
    const admin = new TusRequests(running, await running.token({ sub: 'root', role: 'admin' }));
    await admin.head(location).expect(200);
    await admin.remove(location).expect(204);
    await tus.head(location).expect(410);
    await other.head(location).expect(404);
  });

  it.each(['nonsense', randomUUID()])('are not taken for an upload that is not there (%s)', async (id) => {
    const location = `http://x/api/v1/uploads/${id}`;
    const head = await tus.head(location);
    expect(head.status).toBe(404);
    expect(head.headers['tus-resumable']).toBe('1.0.0');
    expect(head.headers).not.toHaveProperty('upload-offset');
    await tus.patch(location, 0, Buffer.from('abc')).expect(404);
    await tus.remove(location).expect(404);
  });

  it('are not taken without a version for an upload of tus', async () => {
    const location = await tus.begin(3);
    const bare = await request(running.url).head(pathOf(location)).auth(token, { type: 'bearer' });
    expect(bare.status).toBe(412);
    const get = await request(running.url)
      .get(pathOf(location))
      .auth(token, { type: 'bearer' })
      .set('Tus-Resumable', '1.0.0');
    expect(get.status).toBe(405);
  });

  it('are asked for with HEAD, which is never kept by anybody', async () => {
    const location = await tus.begin(10);
    await tus.patch(location, 0, Buffer.from('abcd'));
    const { headers, status } = await tus.head(location);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'upload-offset': '4',
      'upload-length': '10',
      'cache-control': 'no-store',
      'tus-resumable': '1.0.0',
    });
    expect(headers).toHaveProperty('upload-expires');
    expect(headers).not.toHaveProperty('upload-metadata');
  });
});
