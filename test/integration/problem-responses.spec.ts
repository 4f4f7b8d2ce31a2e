import { createServer, type Server, type ServerOptions } from 'node:http';
import { type AddressInfo, connect as connectSocket, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { answerClientErrors } from '../../src/errors/client-error.js';
import { listen, shut } from '../support/local-server.js';
import { RawClient, type RawResponse } from '../support/raw-client.js';
import { pending, PROBLEM, serve } from './problem-server.js';

const LINGER_MS = 5_000;
const MIB = 1024 * 1024;
/** The clock of JavaScript; that of Node's own timers and sockets goes on. */
function fakeTimers(): void {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance', 'Date'] });
}

describe('problem responses', () => {
  let server: Server;
  const clients: RawClient[] = [];

  async function start(options: ServerOptions): Promise<Server> {
    const started = createServer({ requestTimeout: 0, ...options }, serve);
    answerClientErrors(started);
    await listen(started);
    return started;
  }

  async function connect(to = server): Promise<RawClient> {
    const client = await RawClient.connect((to.address() as AddressInfo).port);
    clients.push(client);
    return client;
  }

  /** The server's side of the next connection. */
  async function nextConnection(): Promise<Socket> {
    return ((await once(server, 'connection')) as [Socket])[0];
  }

  /** Resets that reached the client; its answer may be lost with them. */
  function resetsOf(client: RawClient): Error[] {
    const errors: Error[] = [];
    client.socket.on('error', (error) => errors.push(error));
    return errors;
  }

  beforeAll(async () => {
    server = await start({ maxHeaderSize: 2_048 });
    server.on('checkContinue', serve);
  });

  afterEach(() => {
    jest.useRealTimers();
    for (const client of clients.splice(0)) client.close();
  });

  afterAll(() => shut(server));

  function expectProtocolError(response: RawResponse, status: number, code: string): void {
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('connection')).toBe('close');
    expect(response.json()).toMatchObject({ status, code, trace_id: null });
  }

  describe('to what is no HTTP request', () => {
    it.each([
      'GARBAGE\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      '\u0016\u0003\u0001\u0002',
      'GET / HTTP/1.1\r\nA B\r\n\r\n',
    ])('say 400 to %j', async (bytes) => {
      const client = await connect();
      expectProtocolError(await client.send(bytes).response(), 400, 'MALFORMED_REQUEST');
      await once(client.socket, 'close');
      expect(client.rest).toBe('');
    });

    it('say 408 to a connection on which nothing ever comes', async () => {
      // A server of its own: a busy machine may take as long to read what others have sent.
      const hasty = await start({ headersTimeout: 300, connectionsCheckingInterval: 50 });
      try {
        expectProtocolError(await (await connect(hasty)).response(), 408, 'CLIENT_STALLED');
      } finally {
        await shut(hasty);
      }
    });

    it.each([1, 2, 3, 4, 5])('reach a client that sends much more of it, run %i', async () => {
      const client = await connect();
      const resets = resetsOf(client);
      client.send(`GET / HTTP/1.1\r\nX-Large: `).send(Buffer.alloc(20 * MIB, 'x'));
      expectProtocolError(await client.response(), 431, 'HEADERS_TOO_LARGE');
      client.socket.end();
      await client.untilClosed();
      expect(resets).toEqual([]);
    });

    it('do not keep the connection of a client that leaves its side open', async () => {
      fakeTimers();
      const { port } = server.address() as AddressInfo;
      const client = connectSocket({ port, host: '127.0.0.1', allowHalfOpen: true });
      const connection = await nextConnection();
      client.resume().write('GARBAGE\r\n\r\n');
      await once(client, 'end');
      jest.advanceTimersByTime(LINGER_MS - 1);
      expect(connection.destroyed).toBe(false);
      jest.advanceTimersByTime(1);
      expect(connection.destroyed).toBe(true);
      client.destroy();
    });
  });

  describe('to a request whose body breaks the protocol', () => {
    const chunked = { 'Transfer-Encoding': 'chunked' };

    it('say 400 when no answer has begun', async () => {
      const client = await connect();
      client.head('POST /wait', chunked).send('5\r\nhello\r\nNO CHUNK\r\n');
      expectProtocolError(await client.response(), 400, 'MALFORMED_REQUEST');
      client.send('NOR THIS\r\n');
      client.socket.end();
      await client.untilClosed();
      expect(client.rest).toBe('');
    });

    it('break off an answer that has begun', async () => {
      const client = await connect();
      client.head('POST /begin', chunked).send('5\r\nhello\r\n');
      await once(client.socket, 'received');
      client.send('NO CHUNK\r\n');
      await client.untilClosed();
      expect(client.rest).toMatch(/^HTTP\/1.1 200 [^]*\r\n\r\nbeginning$/);
    });
  });

  it('to garbage behind a request come after the answer to that request, as the end of the connection', async () => {
    const client = await connect();
    client.head('POST /wait', { 'Content-Length': 5 }).send('helloGARBAGE\r\n\r\n');
    await sleep(50);
    client.send('MORE GARBAGE\r\n\r\n');
    await sleep(50);
    pending.response?.end('the answer');
    const response = await client.response();
    expect([response.status, response.headers.get('connection'), response.body]).toEqual([
      200,
      'close',
      'the answer',
    ]);
    await client.untilClosed();
    expect(client.rest).toBe('');
  });

  describe('to a request whose body was not read', () => {
    it.each([1, 2, 3, 4, 5])('reach a client that first sends 20 MiB, run %i', async () => {
      const client = await connect();
      const resets = resetsOf(client);
      const body = Buffer.alloc(20 * MIB);
      const response = await client.head('POST /', { 'Content-Length': body.length }).send(body).response();
      expect(response.json()).toEqual(JSON.parse(JSON.stringify(PROBLEM)));
      expect(response.headers.get('connection')).toBe('close');
      await client.untilClosed();
      expect(resets).toEqual([]);
    });

    it('reach a client that reads nothing before it has sent everything', async () => {
      const client = await connect();
      client.socket.pause();
      const resets = resetsOf(client);
      client.head('POST /', { 'Content-Length': 20 * MIB });
      for (let sent = 0; sent < 20; sent++) {
        if (!client.socket.write(Buffer.alloc(MIB))) await once(client.socket, 'drain');
      }
      client.socket.resume();
      expect((await client.response()).status).toBe(413);
      await client.untilClosed();
      expect(resets).toEqual([]);
    });

    it('end the connection of a client that never stops sending', async () => {
      fakeTimers();
      const [client, connection] = await Promise.all([connect(), nextConnection()]);
      const block = Buffer.alloc(64 * 1024);
      const sendOn = (): void => {
        while (client.socket.writable && client.socket.write(block));
      };
      client.socket.on('drain', sendOn);
      client.head('POST /', { 'Transfer-Encoding': 'chunked' }).send('fffffffff\r\n');
      sendOn();
      expect((await client.response()).status).toBe(413);
      jest.advanceTimersByTime(LINGER_MS - 1);
      expect(connection.destroyed).toBe(false);
      jest.advanceTimersByTime(1);
      expect(connection.destroyed).toBe(true);
    });

    it('end the connection as soon as the body has come', async () => {
      const client = await connect();
      const response = await client.head('POST /', { 'Content-Length': 5 }).response();
      expect(response.headers.get('connection')).toBe('close');
      client.send('hello');
      await client.untilClosed();
    });

    it('end the connection at once when the client waits for 100 Continue', async () => {
      const client = await connect();
      const response = await client
        .head('POST /', { 'Content-Length': 5, Expect: '100-continue' })
        .response();
      expect([response.status, response.headers.get('connection')]).toEqual([413, 'close']);
      await client.untilClosed();
      expect(client.rest).toBe('');
    });

    it('survive a client that resets the connection meanwhile', async () => {
      const client = await connect();
      await client.head('POST /', { 'Content-Length': 1_000 }).send('a').response();
      client.reset();
      await client.untilClosed();
      expect((await (await connect()).head('GET /', {}).response()).status).toBe(413);
    });
  });

  describe('to a request that was read to its end', () => {
    it.each([
      ['GET /', {}, ''],
      ['POST /read', { 'Content-Length': 5 }, 'hello'],
      ['POST /read', { 'Transfer-Encoding': 'chunked' }, '5\r\nhello\r\n0\r\n\r\n'],
      ['POST /', { 'Content-Length': 0 }, ''],
    ])('leave the connection usable after %s with %j', async (requestLine, headers, body) => {
      const client = await connect();
      for (let round = 0; round < 3; round++) {
        const response = await client.head(requestLine, headers).send(body).response();
        expect([response.status, response.headers.get('connection')]).toEqual([413, 'keep-alive']);
      }
    });

    it('are the problem as JSON of the length that is said, not to be cached, with the headers given', async () => {
      const { headers, body } = await (await connect()).head('GET /', {}).response();
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-type': 'application/problem+json',
        'content-length': String(Buffer.byteLength(JSON.stringify(PROBLEM))),
        'cache-control': 'no-store',
        'x-given': 'yes',
      });
      expect(body).toBe(JSON.stringify(PROBLEM));
    });

    it('have the same head and no body for HEAD, and leave the connection usable', async () => {
      const client = await connect();
      client.head('HEAD /', {});
      await once(client.socket, 'received');
      const head = client.rest;
      expect(head).toMatch(/^HTTP\/1\.1 413 [^]*\r\nContent-Length: [1-9]\d*\r\n[^]*\r\n\r\n$/);
      client.head('GET /', {});
      await once(client.socket, 'received');
      expect(client.rest.slice(head.length)).toMatch(/^HTTP\/1\.1 413 /);
    });
  });

  it('to HEAD with a body that does not come are sent at once', async () => {
    const client = await connect();
    client.head('HEAD /', { 'Content-Length': 5 });
    await once(client.socket, 'received');
    expect(client.rest).toMatch(/^HTTP\/1\.1 413 [^]*\r\n\r\n$/);
  });
});
