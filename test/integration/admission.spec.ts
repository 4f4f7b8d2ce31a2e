import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ActiveUploads } from '../../src/ingest/active-uploads.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { listen, shut } from '../support/local-server.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { expectProblem, UPLOAD } from '../support/strict-app.js';

type Headers = Record<string, string | number>;

const PUT = 'PUT /api/v1/files/0198c2a0-0000-7000-8000-000000000001';
const BODY = multipart([filePart('x'.repeat(1000))]);

const typeFor = (requestLine: string): string => (requestLine === PUT ? 'text/plain' : MULTIPART_TYPE);

describe('the admission of uploads', () => {
  let running: RunningApp;
  const clients: RawClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await running.close();
  });

  /** Opens an upload of which nothing but the head has been sent. */
  async function open(subject: string, headers: Headers = {}, requestLine = UPLOAD): Promise<RawClient> {
    const client = await RawClient.connect(running.port);
    clients.push(client);
    const Authorization = `Bearer ${await running.token({ sub: subject })}`;
    return client.head(requestLine, {
      Authorization,
      'Content-Type': MULTIPART_TYPE,
      'Content-Length': BODY.length,
      ...headers,
    });
  }

  async function reading(sample: string): Promise<number> {
    const metrics = await (await fetch(`${running.url}/metrics`)).text();
    const line = metrics.split('\n').find((candidate) => candidate.startsWith(`${sample} `));
    return Number(line?.slice(sample.length));
  }

  const aborted = async (): Promise<number> =>
    reading('upload_requests_total{route="multipart",outcome="client_abort"}');
  const inFlight = (): Promise<number> => reading('resilience_bulkhead_inflight{name="uploads"}');
  const queued = (): Promise<number> => reading('resilience_bulkhead_queued{name="uploads"}');

  it('refuses one caller who has too many under way, and lets another in', async () => {
    running = await startApp({ MAX_UPLOADS_PER_CALLER: '1' });
    const first = await open('alice');
    await eventually(async () => expect(await inFlight()).toBe(1));
    const refused = await (await open('alice')).response();
    expectProblem(refused, 429, 'RATE_LIMITED');
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await (await open('bob')).send(BODY).response()).status).toBe(201);
    expect((await first.send(BODY).response()).status).toBe(201);
    expect((await (await open('alice')).send(BODY).response()).status).toBe(201);
  });

  it('answers 503 before the body is read where there are too many, and no place comes free in time', async () => {
    running = await startApp({ MAX_UPLOADS: '1', MAX_UPLOAD_WAIT_MS: '50' });
    await open('alice');
    await eventually(async () => expect(await inFlight()).toBe(1));
    expectProblem(await (await open('bob')).response(), 503, 'BULKHEAD_FULL');
  });

  it('lets one that waits in as soon as another is done, and forgets one that leaves', async () => {
    running = await startApp({ MAX_UPLOADS: '1' });
    const first = await open('alice');
    await eventually(async () => expect(await inFlight()).toBe(1));
    const leaving = await open('bob');
    const waiting = await open('carol');
    leaving.reset();
    waiting.send(BODY);
    expect((await first.send(BODY).response()).status).toBe(201);
    expect((await waiting.response()).status).toBe(201);
    await eventually(async () => expect(await inFlight()).toBe(0));
  });

  it('forgets at once who closes his side while he waits, and lets him come back', async () => {
    running = await startApp({
      MAX_UPLOADS: '1',
      MAX_UPLOADS_PER_CALLER: '1',
      MAX_UPLOAD_WAIT_MS: '300000',
    });
    await open('alice');
    await eventually(async () => expect(await inFlight()).toBe(1));
    const leaving = await open('bob');
    await eventually(async () => expect(await queued()).toBe(1));
    leaving.socket.end();
    expectProblem(await leaving.response(), 400, 'MALFORMED_MULTIPART');
    expect([await queued(), await aborted()]).toEqual([0, 1]);
    await open('bob');
    await eventually(async () => expect(await queued()).toBe(1));
  });

  it('does not wait for one whose client left before he came to the queue', async () => {
    const jwks = createServer();
    const asked = once(jwks, 'request') as Promise<[IncomingMessage, ServerResponse]>;
    try {
      running = await startApp({
        JWT_JWKS_URL: await listen(jwks),
        MAX_UPLOAD_WAIT_MS: '300000',
        CLIENT_IDLE_TIMEOUT_MS: '300000',
      });
      const opened = once(running.app.getHttpServer(), 'request');
      const leaving = await open('alice');
      const [request] = (await opened) as [IncomingMessage];
      leaving.reset();
      await new Promise((resolve) => request.once('close', resolve));
      const [, answer] = await asked;
      answer.end(JSON.stringify({ keys: [running.keys.jwk()] }));
      await eventually(async () => expect([await inFlight(), await aborted()]).toEqual([0, 1]));
    } finally {
      await shut(jwks);
    }
  });

  it.each<[string, Headers, number, string]>([
    [UPLOAD, { 'Content-Length': 9e15 }, 413, 'FILE_TOO_LARGE'],
    [UPLOAD, { 'Content-Type': 'text/plain' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [UPLOAD, { 'Content-Type': 'multipart/form-data' }, 400, 'MALFORMED_MULTIPART'],
    [UPLOAD, { 'Content-Encoding': 'gzip' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [PUT, { 'Content-Length': 9e15 }, 413, 'FILE_TOO_LARGE'],
    [PUT, { 'Content-Type': 'image/png' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [PUT, { 'Content-Disposition': 'a b' }, 400, 'VALIDATION_ERROR'],
    [PUT, { 'Repr-Digest': 'sha-256=abc' }, 400, 'VALIDATION_ERROR'],
  ])(
    'lets nobody wait whose head alone is refused: %s with %j',
    async (requestLine, headers, status, code) => {
      running = await startApp({
        MAX_UPLOADS: '1',
        MAX_UPLOAD_WAIT_MS: '300000',
        ALLOWED_MEDIA_TYPES: 'text/plain',
      });
      await open('alice');
      await eventually(async () => expect(await inFlight()).toBe(1));
      const refused = await open('bob', { 'Content-Type': typeFor(requestLine), ...headers }, requestLine);
      expectProblem(await refused.response(), status, code);
      expect(await queued()).toBe(0);
    },
  );

  it('tells those who wait, and those who are at their limit, of a shutdown', async () => {
    running = await startApp({ MAX_UPLOADS: '1', MAX_UPLOADS_PER_CALLER: '1' });
    const first = await open('alice');
    await eventually(async () => expect(await inFlight()).toBe(1));
    const waiting = await open('bob');
    await eventually(async () => expect(await queued()).toBe(1));
    const drained = running.app.get(ActiveUploads).drain(20_000);
    expectProblem(await waiting.response(), 503, 'SHUTTING_DOWN');
    expectProblem(await (await open('alice')).response(), 503, 'SHUTTING_DOWN');
    expect((await first.send(BODY).response()).status).toBe(201);
    expect(await drained).toBe(0);
  });
});
