import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { listen, shut } from '../../test/support/local-server.js';
import { serveHalfClosedClients } from '../errors/half-closed-clients.js';
import { EventStream } from './event-stream.js';

let server: Server;

afterEach(async () => {
  jest.useRealTimers();
  await shut(server);
});

/** A client of one stream, which has come as far as its head. */
async function open(): Promise<{
  stream: EventStream;
  answer: IncomingMessage;
  text: () => string;
  closed: () => number;
}> {
  let stream: EventStream | undefined;
  let closed = 0;
  server = createServer((_, response) => {
    stream = new EventStream(response, () => (closed += 1));
    stream.begin();
  });
  serveHalfClosedClients(server);
  const url = await listen(server);
  const [answer] = (await once(get(url), 'response')) as [IncomingMessage];
  let text = '';
  answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  answer.on('error', () => undefined);
  if (!stream) throw new Error('no stream');
  return { stream, answer, text: () => text, closed: () => closed };
}

describe('EventStream', () => {
  it('sends events that a browser reads, and tells nobody on the way to hold them back', async () => {
    const { stream, answer, text, closed } = await open();
    stream.send({ event: 'status', id: '3', data: { text: 'two\nlines' } });
    stream.send({ event: 'progress', data: { bytes: 1 } });
    stream.end();
    await once(answer, 'end');
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      connection: 'close',
    });
    expect(text()).toBe(
      'retry: 2000\n\n' +
        'event: status\nid: 3\ndata: {"text":"two\\nlines"}\n\n' +
        'event: progress\ndata: {"bytes":1}\n\n',
    );
    expect(closed()).toBe(1);
  });

  it('says every 15 seconds that it lives', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const { stream, answer, text } = await open();
    jest.advanceTimersByTime(30_000);
    stream.end();
    await once(answer, 'end');
    expect(text()).toBe('retry: 2000\n\n: heartbeat\n\n: heartbeat\n\n');
  });

  it('does not give up a client that reads slowly what may be lost', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const { stream, answer, text, closed } = await open();
    answer.pause();
    stream.offer(`: ${'x'.repeat(8_000_000)}\n\n`);
    jest.advanceTimersByTime(60_000);
    expect(closed()).toBe(0);
    answer.resume();
    stream.end();
    await once(answer, 'end');
    expect(text().length).toBeGreaterThan(8_000_000);
    expect(text()).not.toContain('heartbeat');
  });

  it('ends at the time that it was given, and at once when that is over', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    for (const [afterMs, waitMs] of [
      [20_000, 20_000],
      [-1, 0],
    ] as const) {
      const { stream, answer, closed } = await open();
      stream.endAt(Date.now() + afterMs);
      if (waitMs > 0) jest.advanceTimersByTime(waitMs - 1);
      expect(closed()).toBe(0);
      jest.advanceTimersByTime(1);
      await once(answer, 'end');
      expect(closed()).toBe(1);
      await shut(server);
    }
  });

  it('does not end where that time never comes', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const { stream, answer, closed } = await open();
    stream.endAt(Infinity);
    jest.advanceTimersByTime(60_000);
    expect(closed()).toBe(0);
    stream.end();
    await once(answer, 'end');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('notices a client that leaves, and takes what still comes for it', async () => {
    const { stream, answer, closed } = await open();
    answer.destroy();
    while (closed() === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(() => stream.send({ event: 'status', data: {} })).not.toThrow();
    expect(closed()).toBe(1);
  });

  it('goes on for a client that closes its side, and notices when that has gone too', async () => {
    const { stream, answer, text, closed } = await open();
    answer.socket.end();
    while (!text().includes(': heartbeat')) await once(answer, 'data');
    stream.send({ event: 'status', data: { last: true } });
    while (!text().includes('last')) await once(answer, 'data');
    expect(closed()).toBe(0);
    answer.destroy();
    while (closed() === 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('does not begin for a client that has left already', async () => {
    const left = Promise.withResolvers<[boolean, number]>();
    server = createServer((_, response) => {
      response.once('close', () => {
        let closed = 0;
        const begun = new EventStream(response, () => (closed += 1)).begin();
        left.resolve([begun, closed]);
      });
      response.socket?.destroy();
    });
    get(await listen(server)).on('error', () => undefined);
    expect(await left.promise).toEqual([false, 1]);
  });

  it('gives up a client that does not read', async () => {
    const { stream, answer, closed } = await open();
    answer.pause();
    for (let sent = 0; closed() === 0; sent += 1) {
      if (sent > 10_000) throw new Error('it is still fed');
      stream.send({ event: 'status', data: { text: 'x'.repeat(10_000) } });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(closed()).toBe(1);
  });
});
