import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { listen, shut } from '../../test/support/local-server.js';
import type { Caller } from '../auth/caller.js';
import { ShutdownState } from '../observability/shutdown-state.js';
import type { LiveSnapshots } from './live-snapshots.service.js';
import { LiveWatchers } from './live-watchers.service.js';

const NUMBERS = /^data: \{"number":(\d+),/gm;

describe('LiveWatchers', () => {
  let made: number;
  let size: number;
  let watchers: LiveWatchers;
  let shutdown: ShutdownState;
  let server: Server;
  let url: string;
  let expiresAtMs: number;
  let clients: IncomingMessage[];

  beforeEach(async () => {
    made = 0;
    size = 10;
    clients = [];
    expiresAtMs = Number.POSITIVE_INFINITY;
    shutdown = new ShutdownState();
    const take = (): Promise<object> => Promise.resolve({ number: (made += 1), filling: 'x'.repeat(size) });
    watchers = new LiveWatchers({ take } as unknown as LiveSnapshots, shutdown);
    const caller = { subject: 'olga' } as Caller;
    server = createServer((_, response) => watchers.watch({ ...caller, expiresAtMs }, response));
    url = await listen(server);
  });
  afterEach(async () => {
    for (const client of clients) client.destroy();
    await shut(server);
  });

  async function open(): Promise<{ readonly answer: IncomingMessage; readonly numbers: () => number[] }> {
    const [answer] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage];
    clients.push(answer);
    answer.setEncoding('utf8').on('error', () => undefined);
    let text = '';
    // Nothing is read before somebody asks what there is.
    const numbers = (): number[] => {
      if (answer.listenerCount('data') === 0) answer.on('data', (chunk: string) => (text += chunk));
      return [...text.matchAll(NUMBERS)].map(([, number]) => Number(number));
    };
    return { answer, numbers };
  }

  it('makes snapshots once for all who watch, and none when nobody does', async () => {
    const [one, two] = [await open(), await open()];
    await eventually(() => {
      const ofTwo = new Set(two.numbers());
      expect(one.numbers().filter((number) => ofTwo.has(number)).length).toBeGreaterThan(2);
      return Promise.resolve();
    });
    for (const client of clients) client.destroy();
    await eventually(() => Promise.resolve(expect(watchers.watching).toBe(0)));
    const last = made;
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(made).toBe(last);
  });

  it('makes none for those who come while one is young', async () => {
    const startedAtMs = performance.now();
    for (let count = 0; count < 30; count += 1) {
      const { answer } = await open();
      answer.resume();
      await once(answer, 'data');
    }
    expect(made).toBeLessThanOrEqual(2 + Math.floor((performance.now() - startedAtMs) / 1_000));
  });

  it('loses snapshots for a reader that is slow, and gives it a new one when it reads again', async () => {
    size = 8_000_000;
    const { numbers } = await open();
    await eventually(() => Promise.resolve(expect(made).toBeGreaterThan(3)));
    size = 10;
    await eventually(() => Promise.resolve(expect(numbers().length).toBeGreaterThan(1)));
    const [first, second] = numbers();
    expect(first).toBe(1);
    expect(second).toBeGreaterThan(3);
  });

  it('ends a stream with the token', async () => {
    expiresAtMs = Date.now() + 1_500;
    const { answer } = await open();
    answer.resume();
    await once(answer, 'end');
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAtMs - 1);
  });

  it('ends all streams when the service shuts down, and takes no new ones', async () => {
    const { answer } = await open();
    answer.resume();
    shutdown.begin();
    watchers.beforeApplicationShutdown();
    await once(answer, 'end');
    expect(watchers.watching).toBe(0);
    expect(() => watchers.watch({ subject: 'olga', expiresAtMs } as Caller, {} as never)).toThrow(
      'shutting down',
    );
  });
});
