import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { inLongRun } from '../support/long-run.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { storedPaths } from '../support/stored-files.js';
import { mutated, randomFrom } from './mutated-requests.js';

const REQUESTS = inLongRun(10_000, 500);
const AT_ONCE = 50;
const SEED = Number(process.env.TEST_SEED ?? 20_261_129);
/** Head and body have as long each before the client is told that it stalls. */
const PATIENCE_MS = 2_000;
/** A head that is late is found within this, and what then comes is listened to for 5 s. */
const MOST_MS = 30_000;

const FILE = 'The quick brown fox jumps over the lazy dog. '.repeat(20);
const BODY = multipart([
  { name: 'description', value: 'a description' },
  { name: 'tags', value: '["one","two"]' },
  { name: 'metadata', value: '{"camera":"x100","iso":400}' },
  filePart(FILE),
]);

describe('requests with random faults', () => {
  let running: RunningApp;
  let head: Buffer;

  beforeAll(async () => {
    running = await startApp({
      HEADERS_TIMEOUT_MS: String(PATIENCE_MS),
      CLIENT_IDLE_TIMEOUT_MS: String(PATIENCE_MS),
    });
    const lines = [
      'POST /api/v1/files/upload HTTP/1.1',
      'Host: ingester',
      `Authorization: Bearer ${await running.token()}`,
      `Content-Type: ${MULTIPART_TYPE}`,
      `Content-Length: ${BODY.length}`,
      'Connection: close',
    ];
    head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
  });
  afterAll(() => running.close());

  /** Sends the bytes, and gives the status of every answer until the service has closed the connection. */
  async function statusesOf(bytes: Buffer, closesItsSide: boolean): Promise<string[]> {
    const socket = connect({ port: running.port, host: '127.0.0.1', allowHalfOpen: true });
    let received = '';
    socket
      .on('error', () => undefined)
      .on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
      .on('end', () => socket.end());
    socket.setTimeout(MOST_MS, () => socket.destroy(new Error('neither answered nor closed')));
    socket.write(bytes);
    if (closesItsSide) socket.end();
    const closed = once(socket, 'close');
    await closed;
    if (socket.errored?.message === 'neither answered nor closed') return ['silence'];
    const statuses = [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status ?? '');
    return statuses.length === 0 ? ['closed'] : statuses;
  }

  /** Sends what a request was turned into, and counts the answers. */
  async function sendAll(make: (random: () => number) => Buffer): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    const random = randomFrom(SEED);
    let left = REQUESTS / 2;
    const sender = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const bytes = make(random);
        for (const status of await statusesOf(bytes, random() < 0.5))
          counts.set(status, (counts.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sender));
    return counts;
  }

  function report(what: string, counts: ReadonlyMap<string, number>): void {
    const list = [...counts]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([status, count]) => `${status}: ${count}`);
    process.stdout.write(`${REQUESTS / 2} mutated ${what} (seed ${SEED}): ${list.join(', ')}\n`);
  }

  const isFailure = (status: string): boolean => status === 'silence' || status.startsWith('5');

  it.each([
    ['bodies', (random: () => number) => Buffer.concat([head, mutated(BODY, random)])],
    ['requests', (random: () => number) => mutated(Buffer.concat([head, BODY]), random)],
  ])(
    'in %s are answered or closed in time, and store whole files or none',
    async (what, make) => {
      const before = (await contents()).length;
      const counts = await sendAll(make);
      report(what, counts);
      expect([...counts.keys()].filter(isFailure)).toEqual([]);
      expect(counts.get('400')).toBeGreaterThan(0);
      const stored = counts.get('201') ?? 0;
      expect(stored).toBeGreaterThan(0);
      await eventually(async () => expect((await contents()).length - before).toBe(stored));
      expect((await fetch(`${running.url}/health/live`)).status).toBe(200);
    },
    inLongRun(1_200_000, 240_000),
  );

  async function contents(): Promise<string[]> {
    return (await storedPaths(running.dataDir)).filter((path) => path.endsWith('.content'));
  }
});
