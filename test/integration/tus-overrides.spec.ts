import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Logger } from 'pino';
import request, { type Test } from 'supertest';
import { ROOT_LOGGER } from '../../src/observability/application-logger.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

describe('X-HTTP-Method-Override', () => {
  let running: RunningApp;
  let token: string;
  let tus: TusRequests;
  let logged: string[];

  beforeAll(async () => {
    running = await startApp();
    token = await running.token();
    tus = new TusRequests(running, token);
    logged = [];
    const logger = running.app.get<Logger>(ROOT_LOGGER);
    jest.spyOn(logger, 'isLevelEnabled').mockReturnValue(true);
    jest.spyOn(logger, 'info').mockImplementation((line: unknown) => {
      if (typeof line === 'object' && line !== null && 'method' in line) logged.push(String(line.method));
    });
  });

  afterAll(async () => {
    await running.close();
    jest.restoreAllMocks();
  });

  const post = (path: string, method: string): Test =>
    request(running.url)
      .post(path)
      .auth(token, { type: 'bearer' })
      .set({ 'Tus-Resumable': '1.0.0', 'X-HTTP-Method-Override': method });

  it('is the method, for clients that can send nothing but POST', async () => {
    const location = pathOf(await tus.begin(3));
    const sent = await post(location, 'PATCH')
      .set({ 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' })
      .send('ab');
    expect(sent.status).toBe(204);
    const seen = await post(location, 'head');
    expect([seen.status, seen.headers['upload-offset']]).toEqual([200, '2']);
    expect((await post(location, 'DELETE')).status).toBe(204);
    const gone = await post(location, 'HEAD');
    // It was sent as a POST, whose answers have a body.
    expect([gone.status, gone.body.code]).toEqual([410, 'UPLOAD_ENDED']);
    await eventually(async () =>
      expect(logged.slice(-5)).toEqual(['POST', 'PATCH', 'HEAD', 'DELETE', 'HEAD']),
    );
  });

  it.each(['PUT', 'GET', 'POST', 'OPTIONS', 'MADE-UP', ''])(
    'is refused where it names another one, which is told to nobody: %s',
    async (method) => {
      const location = pathOf(await tus.begin(3));
      const before = logged.length;
      const refused = await post(location, method);
      expect([refused.status, refused.body.code]).toEqual([400, 'VALIDATION_ERROR']);
      await eventually(async () => expect(logged.slice(before).at(-1)).toBe('POST'));
      expect((await post(location, 'HEAD')).headers['upload-offset']).toBe('0');
    },
  );

  it('is for uploads alone', async () => {
    const created = await post('/api/v1/uploads', 'DELETE').set('Upload-Length', '3');
    expect(created.status).toBe(201);
    expect((await post('/api/v1/files/upload', 'DELETE')).status).toBe(415);
    await eventually(async () => expect(logged.slice(-2)).toEqual(['POST', 'POST']));
  });
});
