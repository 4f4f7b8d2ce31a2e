import { getEventListeners } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createRawServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { listen, shut } from '../../test/support/local-server.js';
import { EndpointClient } from './endpoint-client.js';

const GET = { method: 'GET', headers: {} } as const;
const LIMITS = { connectMs: 20_000, answerMs: 20_000, connections: 1 };

describe('EndpointClient', () => {
  const closing: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function clientOf(answer: string): Promise<EndpointClient> {
    const server = createHttpServer((_, response) => response.writeHead(404).end(answer));
    const client = new EndpointClient(`${await listen(server)}/a?b=c`, LIMITS, 100);
    closing.push(
      () => client.close(),
      () => shut(server),
    );
    return client;
  }

  it('gives an answer of any status, and leaves neither listener nor timer behind', async () => {
    const client = await clientOf('no');
    const { signal } = new AbortController();
    const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    for (let calls = 0; calls < 20; calls += 1) {
      expect(await client.ask(GET, signal)).toEqual({ statusCode: 404, text: 'no', retryAfterMs: undefined });
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    const now = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    // Those of the connection itself.
    expect(now - timers).toBeLessThan(10);
  });

  it('gives an answer without the byte order mark before it', async () => {
    const client = await clientOf('\ufeff{}');
    expect((await client.ask(GET, new AbortController().signal)).text).toBe('{}');
  });

  it('cuts off what is larger than it may be', async () => {
    const client = await clientOf('x'.repeat(101));
    await expect(client.ask(GET, new AbortController().signal)).rejects.toMatchObject({
      code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE',
    });
  });

  it('is left at once by somebody who aborts, also while the connection is being made', async () => {
    const sockets: Socket[] = [];
    const mute = createRawServer((socket) => sockets.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const address = mute.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const client = new EndpointClient(`https://127.0.0.1:${port}`, LIMITS, 100);
    closing.push(
      () => client.close(),
      async () => sockets.map((socket) => socket.destroy()),
      () => new Promise((resolve) => mute.close(resolve)),
    );
    const leaving = new AbortController();
    const asking = client.ask(GET, leaving.signal);
    const reason = new Error('gone');
    setTimeout(() => leaving.abort(reason), 50);
    await expect(asking).rejects.toBe(reason);
  });
});
