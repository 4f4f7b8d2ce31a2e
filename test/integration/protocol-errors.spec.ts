import { connect as openSocket, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Logger } from 'pino';
import { ROOT_LOGGER } from '../../src/observability/application-logger.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient, type RawResponse } from '../support/raw-client.js';
import { expectProblem } from '../support/strict-app.js';
import { type RunningApp, startApp } from '../support/app.js';
import { storedPaths } from '../support/stored-files.js';

const MEBIBYTE = 1024 * 1024;
const LINGER_MS = 5_000;
const ORIGIN = 'https://page.example';

describe('what breaks HTTP', () => {
  let running: RunningApp;
  let lines: unknown[];
  const clients: RawClient[] = [];

  beforeAll(async () => {
    running = await startApp({ HEADERS_TIMEOUT_MS: '3000', CORS_ORIGINS: ORIGIN });
    const logger = running.app.get<Logger>(ROOT_LOGGER);
    jest.spyOn(logger, 'isLevelEnabled').mockReturnValue(true);
    jest.spyOn(logger, 'info').mockImplementation((line: unknown) => lines.push(line));
  });
  beforeEach(() => {
    lines = [];
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(() => running.close());

  async function connect(): Promise<RawClient> {
    const client = await RawClient.connect(running.port);
    clients.push(client);
    return client;
  }

  const ask = async (...bytes: (string | Buffer)[]): Promise<RawResponse> => {
    const client = await connect();
    for (const part of bytes) client.send(part);
    return client.response();
  };

  /** A client that leaves its side open when the service has closed the other, as an attacker would. */
  function openHalf(bytes: string): {
    socket: Socket;
    received: () => string;
    ended: Promise<unknown>;
    closed: Promise<unknown>;
  } {
    const socket = openSocket({ port: running.port, host: '127.0.0.1', allowHalfOpen: true });
    let received = '';
    socket.on('error', () => undefined).on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.write(bytes);
    const next = (event: string): Promise<unknown> => new Promise((resolve) => socket.once(event, resolve));
    return { socket, received: () => received, ended: next('end'), closed: next('close') };
  }

  const versionHeaders = ({ headers }: RawResponse): unknown[] =>
    ['x-api-version', 'x-api-current-version', 'vary'].map((name) => headers.get(name));

  /** Every answer has these, and a log line of the same ids. */
  async function expectAnswer(response: RawResponse, status: number, code: string): Promise<void> {
    const { trace_id } = expectProblem(response, status, code);
    expect(response.headers.get('connection')).toBe('close');
    expect(versionHeaders(response)).toEqual(['1', '1', expect.stringContaining('Accept')]);
    const request_id = response.headers.get('x-request-id');
    expect(request_id).toMatch(/^[0-9a-f-]{36}$/);
    await eventually(async () =>
      expect(lines).toEqual([expect.objectContaining({ request_id, trace_id, status })]),
    );
  }

  it.each([
    'GARBAGE\r\n\r\n',
    '\u0016\u0003\u0001\u0002',
    'GET / HTTP/1.1\r\nHost: x\r\nA B\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12x\r\n\r\n',
    'CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n',
    'CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\nbytes for elsewhere',
    'CONNECT elsewhere:443 HTTP/1.1\r\n\r\n',
  ])('is answered 400, as %j', async (bytes) => {
    const client = await connect();
    await expectAnswer(await client.send(bytes).response(), 400, 'MALFORMED_REQUEST');
    client.socket.end();
    await client.untilClosed();
    expect(client.rest).toBe('');
  });

  it.each(['CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 'GARBAGE\r\n\r\n'])(
    'comes after the answer to the request before it, as the end of the connection: %j',
    async (bytes) => {
      const client = await connect();
      client.send(`GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n${bytes}`);
      const { headers } = await client.response();
      expect([headers.get('content-type'), headers.get('connection')]).toEqual([
        expect.stringMatching(/^application\/json/),
        'close',
      ]);
      await client.untilClosed();
      expect(client.rest).toBe('');
    },
  );

  it.each([
    'GET /health HTTP/1.1\r\n',
    'GET /api/v1/files HTTP/1.1\r\nHost: a\r\nhost: a\r\n',
    'GET http://[ HTTP/1.1\r\nHost: x\r\n',
    'GET http:// HTTP/1.1\r\nHost: x\r\n',
    'GET http://?x HTTP/1.1\r\nHost: x\r\n',
    'GET http://a:99999999/ HTTP/1.1\r\nHost: x\r\n',
    'GET ftp://x/health HTTP/1.1\r\nHost: x\r\n',
    'GET foo:// HTTP/1.1\r\nHost: x\r\n',
  ])('is answered 400, as the head %j', async (head) => {
    const response = await ask(`${head}\r\n`);
    const { trace_id } = expectProblem(response, 400, 'MALFORMED_REQUEST');
    const request_id = response.headers.get('x-request-id');
    if (!head.includes('/health ')) expect(versionHeaders(response)).toContain('1');
    if (head.includes('/health HTTP/1.1\r\n')) return;
    await eventually(async () => expect(lines).toMatchObject([{ request_id, trace_id, status: 400 }]));
  });

  it.each([
    'GET /health HTTP/1.0\r\n',
    'GET http://a%41b/health HTTP/1.1\r\nHost: x\r\n',
    'GET HTTP://user:word@x/health?y HTTP/1.1\r\nHost:\r\n',
  ])('is not %j', async (head) => {
    expect((await ask(`${head}\r\n`)).status).toBe(200);
  });

  it('is answered 408, as headers that do not end', async () => {
    await expectAnswer(await ask('GET / HTTP/1.1\r\nHost:'), 408, 'CLIENT_STALLED');
  });

  it('is answered 431, as headers that are too large', async () => {
    const head = `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(40_000)}\r\n\r\n`;
    await expectAnswer(await ask(head), 431, 'HEADERS_TOO_LARGE');
  });

  it('is answered 401, as a token of 1 MiB', async () => {
    const head = `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${'x'.repeat(MEBIBYTE)}\r\n\r\n`;
    const response = await ask(head);
    await expectAnswer(response, 401, 'UNAUTHORIZED');
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(response.body).not.toContain('xxx');
  });

  describe('in a body', () => {
    const form = multipart([filePart('x'.repeat(1000))]);
    const begin = async (line: string, headers: Record<string, string | number>): Promise<RawClient> => {
      const token = await running.token({ role: 'admin' });
      return (await connect()).head(line, { Authorization: `Bearer ${token}`, ...headers });
    };
    const upload = (headers: Record<string, string | number>): Promise<RawClient> =>
      begin('POST /api/v1/files/upload', { 'Content-Type': MULTIPART_TYPE, ...headers });
    const UNTIMELY: [string, number, number][] = [
      ['at once', form.length, 0],
      ['later', form.length, 50],
      ['at once and before the form', 0, 0],
    ];

    it.each(UNTIMELY)('is a form whose client closes its side %s', async (_, size, waitMs) => {
      const client = await upload({ 'Content-Length': form.length + 100 });
      client.send(form.subarray(0, size - 100));
      await sleep(waitMs);
      client.socket.end();
      await expectAnswer(await client.response(), 400, 'MALFORMED_MULTIPART');
      await client.untilClosed();
      await eventually(async () => expect(await storedPaths(running.dataDir)).toEqual([]));
    });

    it.each([0, 50])('is a raw file whose client closes its side after %i ms', async (waitMs) => {
      const client = await begin('PUT /api/v1/files/0198c2a0-0000-7000-8000-000000000001', {
        'Transfer-Encoding': 'chunked',
      });
      client.send('5\r\nhello\r\n');
      await sleep(waitMs);
      client.socket.end();
      await expectAnswer(await client.response(), 400, 'MALFORMED_REQUEST');
      await eventually(async () => expect(await storedPaths(running.dataDir)).toEqual([]));
    });

    it('is a chunk without a size', async () => {
      const client = await upload({ 'Transfer-Encoding': 'chunked' });
      client.send('5\r\nhello\r\nNO CHUNK\r\n');
      await expectAnswer(await client.response(), 400, 'MALFORMED_REQUEST');
    });

    it('is an order whose client closes its side', async () => {
      const client = await begin('POST /api/v1/dead-letters/redeliver', { 'Content-Length': 20 });
      client.send('{"filter"').socket.end();
      await expectAnswer(await client.response(), 400, 'MALFORMED_REQUEST');
    });
  });

  it('holds no connection, as a body that never ends, for whatever it is', async () => {
    const held = async (path: string): Promise<void> => {
      const startedAt = performance.now();
      const client = openHalf(`GET ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
      const dripping = setInterval(() => client.socket.write('1\r\nx\r\n'), 200);
      await client.ended;
      expect(client.received()).toMatch(/\r\nConnection: close\r\n/);
      expect(performance.now() - startedAt).toBeLessThan(LINGER_MS / 2);
      await client.closed.finally(() => clearInterval(dripping));
      expect(performance.now() - startedAt).toBeGreaterThan(LINGER_MS - 100);
      expect(performance.now() - startedAt).toBeLessThan(LINGER_MS * 3);
    };
    await Promise.all(['/health/live', '/api/v1/files/nothing', '/docs/json'].map(held));
  });

  it('is not carried out behind an answer that ends its connection', async () => {
    const client = openHalf('GET /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n');
    await client.ended;
    const answer = client.received();
    client.socket.write('helloGET /api/v1/files/x HTTP/1.1\r\nHost: x\r\n\r\n');
    await sleep(100);
    client.socket.end();
    await client.closed;
    expect([client.received(), lines]).toEqual([answer, []]);
  });

  it('is no preflight: that has the headers of a version too, of an unknown one as well', async () => {
    for (const version of ['v1', 'v9']) {
      const response = await (
        await connect()
      )
        .head(`OPTIONS /api/${version}/files/upload`, {
          Origin: ORIGIN,
          'Access-Control-Request-Method': 'POST',
        })
        .response();
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(versionHeaders(response)).toEqual(['1', '1', expect.stringContaining('Accept')]);
    }
    const refused = await (await connect()).head('GET /api/v9/files', { Origin: ORIGIN }).response();
    expectProblem(refused, 404, 'UNKNOWN_API_VERSION');
    expect(refused.headers.get('access-control-allow-origin')).toBe(ORIGIN);
  });
});
