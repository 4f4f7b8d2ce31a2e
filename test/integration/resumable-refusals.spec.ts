import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import request, { type Test } from 'supertest';
import { UploadFence } from '../../src/resumption/upload-fence.service.js';
import { ActiveUploads } from '../../src/ingest/active-uploads.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { IetfRequests, pathOf } from '../support/ietf-requests.js';
import { TusRequests } from '../support/tus-requests.js';

type Method = 'post' | 'put' | 'patch' | 'head' | 'get' | 'delete';

const TUS = { 'Tus-Resumable': '1.0.0' };
const NEWEST = { 'Upload-Draft-Interop-Version': '9' };

describe('a refusal of a resumable upload', () => {
  let running: RunningApp;
  let tus: TusRequests;
  let ietf: IetfRequests;
  let reader: string;

  beforeAll(async () => {
    running = await startApp({ MAX_FILE_BYTES: '5000', RESUMABLE_MAX_IDLE_MS: '3600000' });
    const token = await running.token();
    tus = new TusRequests(running, token);
    ietf = new IetfRequests(running, token);
    reader = await running.token({ role: 'nobody', scope: 'files:read' });
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  afterAll(() => running.close());

  const send = (method: Method, path: string, headers: Record<string, string>, token?: string): Test => {
    const sent = request(running.url)[method](path).set(headers);
    return token === undefined ? sent : sent.auth(token, { type: 'bearer' });
  };

  const upload = `/api/v1/uploads/${randomUUID()}`;

  it.each<[Method, string]>([
    ['post', '/api/v1/uploads'],
    ['post', '/api/uploads/'],
    ['head', upload],
    ['patch', `${upload}?a=b`],
    ['delete', upload],
  ])('says that it is tus, whoever refuses: %s %s', async (method, path) => {
    for (const [token, status] of [
      [undefined, 401],
      ['nonsense', 401],
      [reader, 403],
    ] as const) {
      const refused = await send(method, path, TUS, token);
      expect([refused.status, refused.headers['tus-resumable']]).toEqual([status, '1.0.0']);
      expect(refused.headers).not.toHaveProperty('upload-complete');
    }
  });

  it.each<[Method, string, number]>([
    ['put', upload, 404],
    ['post', '/api/v9/uploads', 404],
  ])('says so where there is no such thing: %s %s', async (method, path, status) => {
    const refused = await send(method, path, TUS, reader);
    expect([refused.status, refused.headers['tus-resumable']]).toEqual([status, '1.0.0']);
  });

  it('names the methods that a tus upload has', async () => {
    const location = await tus.begin(3);
    const refused = await send('get', pathOf(location), TUS, ietf.token);
    expect([refused.status, refused.headers.allow]).toEqual([405, 'HEAD, PATCH, DELETE, POST, OPTIONS']);
    expect(refused.headers['tus-resumable']).toBe('1.0.0');
  });

  it.each<[Method, string, Record<string, string>]>([
    ['post', '/api/v1/uploads', { 'Upload-Complete': '?0' }],
    ['post', '/api/v1/uploads', NEWEST],
    ['put', `/api/v1/files/${randomUUID()}`, { 'Upload-Complete': '?1' }],
    ['head', upload, NEWEST],
    ['get', upload, {}],
    ['patch', upload, { 'Upload-Complete': '?1' }],
    ['delete', upload, {}],
  ])('of the IETF leaves the upload as it is, whoever refuses: %s %s', async (method, path, headers) => {
    for (const [token, status] of [
      [undefined, 401],
      [reader, 403],
    ] as const) {
      const refused = await send(method, path, headers, token);
      expect(refused.status).toBe(status);
      expect(refused.headers).toMatchObject({
        'upload-complete': '?0',
        'upload-limit': expect.stringMatching(/^max-size=5000(?:, max-age=3600)?$/),
        ...('Upload-Draft-Interop-Version' in headers && { 'upload-draft-interop-version': '9' }),
      });
      expect(refused.headers).not.toHaveProperty('tus-resumable');
    }
  });

  it('says nothing of resuming where nobody asked for it', async () => {
    for (const [method, path] of [
      ['get', '/api/v1/uploads'],
      ['post', '/api/v1/uploads'],
      ['put', `/api/v1/files/${randomUUID()}`],
      ['post', '/api/v1/files/upload'],
    ] as const) {
      const refused = await send(method, path, {});
      expect(refused.status).toBe(401);
      for (const name of ['tus-resumable', 'upload-complete', 'upload-limit'])
        expect(refused.headers).not.toHaveProperty(name);
    }
  });

  it('is of tus alone where an upload of tus is asked for without a version', async () => {
    const location = await tus.begin(3);
    const refused = await send('patch', pathOf(location), NEWEST, ietf.token);
    expect([refused.status, refused.headers['tus-resumable'], refused.headers['tus-version']]).toEqual([
      412,
      '1.0.0',
      '1.0.0',
    ]);
    for (const name of ['upload-complete', 'upload-limit', 'upload-draft-interop-version'])
      expect(refused.headers).not.toHaveProperty(name);
  });

  it.each(['0.2.2', '1.0.1'])('of tus %s comes before its upload is looked for', async (version) => {
    for (const method of ['head', 'patch', 'delete', 'post'] as const) {
      const refused = await send(method, upload, { 'Tus-Resumable': version }, ietf.token);
      expect([refused.status, refused.headers['tus-version']]).toEqual([412, '1.0.0']);
    }
  });

  it.each([randomUUID(), 'nonsense'])('is 404 by every method for %s', async (id) => {
    for (const method of ['head', 'get', 'patch', 'delete', 'post'] as const) {
      for (const headers of [TUS, NEWEST]) {
        const refused = await send(method, `/api/v1/uploads/${id}`, headers, ietf.token);
        expect([method, refused.status]).toEqual([method, 404]);
        expect(refused.headers).not.toHaveProperty('upload-offset');
      }
    }
  });

  it('has no longer time for an upload than it has', async () => {
    const location = await ietf.begin();
    const left = async (offset: number): Promise<number> => {
      const refused = await ietf.append(location, offset, Buffer.from('abc'));
      expect(refused.status).toBe(409);
      return Number(/^max-size=5000, max-age=(\d+)$/.exec(String(refused.headers['upload-limit']))?.[1]);
    };
    const posted = await send('post', pathOf(location), {}, ietf.token);
    expect([posted.status, posted.headers['upload-limit']]).toEqual([400, 'max-size=5000']);
    const [before, now] = [await left(7), Date.now()];
    jest.spyOn(Date, 'now').mockImplementation(() => now + 600_000);
    const after = await left(7);
    expect(before).toBeGreaterThan(3_590);
    expect(after).toBeGreaterThan(2_980);
    expect(after).toBeLessThanOrEqual(3_000);
  });

  it('is 503 for a question that others keep from an answer', async () => {
    const [fromTus, fromIetf] = [await tus.begin(3), await ietf.begin()];
    jest.spyOn(running.app.get(UploadFence), 'holds').mockResolvedValue(false);
    for (const asked of [await tus.head(fromTus), await ietf.head(fromIetf), await ietf.get(fromIetf)])
      expect([asked.status, asked.headers['retry-after']]).toEqual([503, '1']);
    const sent = await tus.patch(fromTus, 0, Buffer.from('abc'));
    expect([sent.status, sent.body.code]).toEqual([409, 'UPLOAD_IN_PROGRESS']);
  });
});

describe('a question for a resumable upload', () => {
  it('is answered while there is no place for more uploads, and while the service stops', async () => {
    const running = await startApp({ MAX_UPLOADS: '1', MAX_UPLOADS_WAITING: '0' });
    const [tus, ietf] = [
      new TusRequests(running, await running.token()),
      new IetfRequests(running, await running.token()),
    ];
    const [fromTus, fromIetf] = [await tus.begin(3), await ietf.begin()];
    const busy = await ietf.connect('POST /api/v1/uploads', {
      'Content-Length': 3,
      'Upload-Complete': '?1',
      Expect: '100-continue',
    });
    expect((await busy.response()).status).toBe(100);
    expect((await tus.patch(fromTus, 0, Buffer.from('abc'))).status).toBe(429);
    await tus.head(fromTus).expect(200);
    await ietf.head(fromIetf).expect(204);
    busy.close();
    await running.app.get(ActiveUploads).drain(0);
    const stopped = await tus.patch(fromTus, 0, Buffer.from('abc'));
    expect([stopped.status, stopped.headers['retry-after']]).toEqual([503, '5']);
    await tus.head(fromTus).expect(200);
    await ietf.head(fromIetf).expect(204);
    await running.close();
  });
});
