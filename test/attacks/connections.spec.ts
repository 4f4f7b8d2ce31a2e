import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MOST_WAITING } from '../../src/connections/one-request-at-a-time.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/raw-client.js';

const LARGE_PAGE = 'GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: ingester\r\n\r\n';
const LIVE = 'GET /health/live HTTP/1.1\r\nHost: ingester\r\n\r\n';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

async function endsOf(running: RunningApp): Promise<Record<string, number>> {
  const metrics = await (await fetch(`${running.url}/metrics`)).text();
  const lines = [...metrics.matchAll(/^http_connections_ended_total\{reason="(\w+)"\} (\d+)/gm)];
  return Object.fromEntries(lines.map(([, reason, count]) => [reason, Number(count)]));
}

describe('a client that misuses its connections', () => {
  let running: RunningApp;
  let sockets: Socket[];

  beforeEach(() => {
    sockets = [];
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await running.close();
  });

  /** A client that reads nothing. */
  async function deaf(): Promise<Socket> {
    const socket = connect({ port: running.port, host: '127.0.0.1' }).on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  async function client(): Promise<RawClient> {
    const opened = await RawClient.connect(running.port);
    sockets.push(opened.socket);
    return opened;
  }

  describe('and sends many requests ahead', () => {
    beforeEach(async () => {
      running = await startApp();
    });

    it('is cut off, and leaves no file open', async () => {
      // The first answer loads what it needs.
      await (await fetch(`${running.url}/docs/swagger-ui-bundle.js`)).arrayBuffer();
      const before = descriptors();
      const all = await Promise.all(Array.from({ length: 10 }, deaf));
      let most = 0;
      const watch = setInterval(() => (most = Math.max(most, descriptors())), 5);
      for (const socket of all) socket.write(LARGE_PAGE.repeat(1_000));
      await eventually(async () => expect((await endsOf(running)).requests_ahead).toBe(10));
      clearInterval(watch);
      expect(most).toBeLessThan(before + 100);
      for (const socket of all) socket.destroy();
      await eventually(async () => expect(descriptors()).toBeLessThanOrEqual(before + 5));
    });

    it('has its answers in order, when they are no more than may wait', async () => {
      const one = await client();
      const requests = Array.from({ length: MOST_WAITING }, (_, index) =>
        LIVE.replace('\r\n\r\n', `\r\nX-Request-ID: number-${index}\r\n\r\n`),
      );
      one.send(requests.join(''));
      for (const [index] of requests.entries()) {
        const { status, headers } = await one.response();
        expect([status, headers.get('x-request-id')]).toEqual([200, `number-${index}`]);
      }
      expect((await endsOf(running)).requests_ahead).toBe(0);
    });

    it('has nothing carried out that is behind the request which closes the connection', async () => {
      const one = await client();
      one.send(LIVE.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n') + LIVE);
      expect((await one.response()).status).toBe(200);
      await one.untilClosed();
      expect(one.rest).toBe('');
    });
  });

  describe('and does not read its answers', () => {
    const PATIENCE_MS = 1_500;

    beforeEach(async () => {
      running = await startApp({ CLIENT_IDLE_TIMEOUT_MS: String(PATIENCE_MS) });
    });

    it('is cut off, and leaves no file open', async () => {
      await (await fetch(`${running.url}/docs/swagger-ui-bundle.js`)).arrayBuffer();
      const before = descriptors();
      // More than the buffers of the system take.
      const ignored = await Promise.all(Array.from({ length: 5 }, deaf));
      for (const socket of ignored) socket.write(LARGE_PAGE.repeat(MOST_WAITING));
      await eventually(async () => expect((await endsOf(running)).answer_not_read).toBe(5));
      await eventually(async () => expect(descriptors()).toBeLessThanOrEqual(before + 2 * 5 + 5));
    });

    it('is served, when it only reads slowly', async () => {
      const slow = await deaf();
      slow.write(
        LARGE_PAGE.repeat(MOST_WAITING - 1) + LARGE_PAGE.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
      );
      let answers = 0;
      let received = 0;
      slow.on('data', (chunk: Buffer) => {
        answers += chunk.toString('latin1').split('HTTP/1.1 200 OK').length - 1;
        received += chunk.length;
        if (received < 8_000_000) return;
        received = 0;
        slow.pause();
        setTimeout(() => slow.resume(), PATIENCE_MS / 3);
      });
      await once(slow, 'end');
      expect(answers).toBeGreaterThan(MOST_WAITING - 2);
      expect((await endsOf(running)).answer_not_read).toBe(0);
    });
  });

  describe('and opens too many', () => {
    const LIMIT = 5;
    let authorization: string;

    beforeEach(async () => {
      running = await startApp({ MAX_CONNECTIONS: String(LIMIT) });
      authorization = `Bearer ${await running.token()}`;
    });

    async function connections(): Promise<number> {
      const server = running.app.getHttpServer();
      return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
    }

    /** Connections on which an upload is under way. */
    async function busy(count: number): Promise<RawClient[]> {
      const clients = await Promise.all(Array.from({ length: count }, client));
      for (const each of clients) {
        each.head('POST /api/v1/files/upload', {
          Authorization: authorization,
          'Content-Type': 'multipart/form-data; boundary=b',
          'Content-Length': 1_000,
          Expect: '100-continue',
        });
      }
      for (const each of clients) expect((await each.response()).status).toBe(100);
      return clients;
    }

    it('is refused with 503, while health is answered', async () => {
      await busy(LIMIT);
      const refused = (await client()).send(LIVE.replace('/health/live', '/metrics'));
      const answer = await refused.response();
      expect([answer.status, answer.json().code]).toEqual([503, 'BULKHEAD_FULL']);
      expect(answer.headers.get('retry-after')).toBe('5');
      expect(answer.headers.get('connection')).toBe('close');
      expect((await (await client()).send(LIVE).response()).status).toBe(200);
    });

    it('is served again when there is room', async () => {
      const [first] = await busy(LIMIT);
      const late = await client();
      first?.close();
      await eventually(async () => expect(await connections()).toBe(LIMIT));
      const answer = await late.send(LIVE.replace('/health/live', '/metrics')).response();
      expect(answer.status).toBe(200);
    });

    it('loses the oldest on which nothing is asked', async () => {
      const idle = await client();
      expect((await idle.send(LIVE).response()).status).toBe(200);
      await busy(LIMIT - 1);
      await sleep(1_100);
      const fresh = await client();
      await idle.untilClosed();
      expect((await fresh.send(LIVE.replace('/health/live', '/metrics')).response()).status).toBe(200);
    });

    it('does not lose the one that is refused while it still sends', async () => {
      const refused = await deaf();
      refused.write('PUT /api/v1/files/a HTTP/1.1\r\nHost: ingester\r\nContent-Length: 1000\r\n\r\n');
      await once(refused, 'readable');
      const idle = await client();
      expect((await idle.send(LIVE).response()).status).toBe(200);
      await busy(LIMIT - 2);
      await sleep(1_100);
      await client();
      await eventually(async () => expect(idle.socket.destroyed).toBe(true));
    });

    it('cannot have more than a few beyond the limit', async () => {
      await busy(LIMIT);
      const crowd = await Promise.all(Array.from({ length: 100 }, client));
      const isTurnedAway = ({ rest, socket }: RawClient): boolean =>
        rest.startsWith('HTTP/1.1 503') || socket.destroyed;
      await eventually(async () =>
        expect(crowd.filter(isTurnedAway).length).toBeGreaterThanOrEqual(100 - 32),
      );
    });
  });
});
