import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { elementsAt } from '../support/fault-cell.js';
import { RawClient, type RawResponse } from '../support/raw-client.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { expectProblem } from '../support/strict-app.js';

const GIB = 1024 ** 3;

describe('a caller who takes what others need', () => {
  let running: RunningApp;
  let element: StorageElementServer | undefined;
  const clients: RawClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await running.close();
    await element?.close();
    element = undefined;
  });

  /** Begins an upload of so many bytes, of which none has been sent. */
  async function open(subject: string, bytes: number): Promise<RawClient> {
    const client = await RawClient.connect(running.port);
    clients.push(client);
    return client.head(`PUT /api/v1/files/${randomUUID()}`, {
      Authorization: `Bearer ${await running.token({ sub: subject })}`,
      'Content-Type': 'text/plain',
      'Content-Length': bytes,
    });
  }

  async function upload(subject: string, bytes = 5): Promise<RawResponse> {
    return (await open(subject, bytes)).send('x'.repeat(bytes)).response();
  }

  async function reading(sample: string, name = 'uploads'): Promise<number> {
    const metrics = await (await fetch(`${running.url}/metrics`)).text();
    const line = metrics.split('\n').find((candidate) => candidate.startsWith(`${sample}{name="${name}"} `));
    return Number(line?.split(' ')[1]);
  }

  const hasInFlight = (count: number): Promise<void> =>
    eventually(async () => expect(await reading('resilience_bulkhead_inflight')).toBe(count));
  const hasQueued = (count: number): Promise<void> =>
    eventually(async () => expect(await reading('resilience_bulkhead_queued')).toBe(count));

  /** Begins uploads of one byte until one is refused. Gives the number of those that were not. */
  async function fill(subject: string, most: number): Promise<number> {
    const before = await reading('resilience_bulkhead_inflight');
    for (let taken = 0; taken < most; taken += 1) {
      const client = await open(subject, 1);
      await eventually(async () =>
        expect([client.rest, await reading('resilience_bulkhead_inflight')]).not.toEqual([
          '',
          before + taken,
        ]),
      );
      if (client.rest === '') continue;
      const refused = await client.response();
      expectProblem(refused, 429, 'RATE_LIMITED');
      expect(refused.headers.get('retry-after')).toBe('1');
      return taken;
    }
    return most;
  }

  async function expectOthersServed(): Promise<void> {
    expect((await upload('bob')).status).toBe(201);
    expect((await fetch(`${running.url}/health/ready`)).status).toBe(200);
  }

  it('keeps nobody out by declaring 1 TiB in 103 uploads and sending nothing', async () => {
    running = await startApp({ MAX_UPLOAD_WAIT_MS: '1000' });
    for (let count = 0; count < 102; count += 1) await open('mallory', 10 * GIB);
    await open('mallory', 4 * GIB);
    await hasInFlight(103);
    await expectOthersServed();
  });

  it('keeps nobody from a storage element by declaring 1 TiB in 128 uploads and sending one byte of each', async () => {
    element = await StorageElementServer.start();
    running = await startApp({
      STORAGE_ELEMENTS: elementsAt([element.url]),
      STORAGE_MAX_WAIT_MS: '1000',
      STORAGE_ELEMENT_MAX_WAIT_MS: '1000',
      MAX_UPLOADS_BYTES: String(1024 * GIB * 1024),
      DELIVER_LATER: 'false',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
    for (let count = 0; count < 128; count += 1) (await open('mallory', 8 * GIB)).send('x');
    // As many as have half a TiB together, which is all that an element has room for.
    await eventually(async () =>
      expect(await reading('resilience_bulkhead_inflight', 'storage:se-1')).toBeGreaterThanOrEqual(64),
    );
    await expectOthersServed();
  });

  it('keeps nobody from a storage element by uploads of which it sends one byte each', async () => {
    element = await StorageElementServer.start();
    running = await startApp({
      STORAGE_ELEMENTS: elementsAt([element.url]),
      MAX_UPLOADS: '12',
      STORAGE_ELEMENT_MAX_CALLS: '6',
      STORAGE_ELEMENT_MAX_WAIT_MS: '300000',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
    // Large enough that a storage element is asked for a place with the first byte.
    for (let count = 0; count < 6; count += 1) (await open('mallory', 100_000)).send('x');
    await eventually(async () => expect(await reading('resilience_bulkhead_inflight', 'storage')).toBe(6));
    await expectOthersServed();
    expect(await reading('resilience_bulkhead_inflight', 'storage:se-1')).toBe(3);
  });

  it('gets half of the places alone', async () => {
    running = await startApp({ MAX_UPLOADS: '12' });
    expect(await fill('alice', 12)).toBe(6);
    await expectOthersServed();
  });

  it('gets a quarter of the places as one of three, and a fourth is served', async () => {
    running = await startApp({ MAX_UPLOADS: '12' });
    for (const count of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      await open(['alice', 'carol', 'dave'][count % 3] ?? '', 1);
      await hasInFlight(count);
    }
    for (const subject of ['alice', 'carol', 'dave']) expect(await fill(subject, 1)).toBe(0);
    await expectOthersServed();
  });

  it('gets half of the bytes, which count as they come', async () => {
    running = await startApp({ MAX_UPLOADS_BYTES: '1000000', UNKNOWN_UPLOAD_BYTES: '1000' });
    const large = await open('alice', 900_000);
    await hasInFlight(1);
    expect((await upload('alice')).status).toBe(201);
    large.send('x'.repeat(600_000));
    await eventually(async () => expect(await reading('resilience_bulkhead_inflight_bytes')).toBe(600_000));
    expectProblem(await upload('alice'), 429, 'RATE_LIMITED');
    await expectOthersServed();
    expect((await large.send('x'.repeat(300_000)).response()).status).toBe(201);
    expect((await upload('alice')).status).toBe(201);
  });

  it('has the only place where there is one, and nobody is refused who has none', async () => {
    running = await startApp({ MAX_UPLOADS: '1' });
    const only = await open('alice', 1);
    await hasInFlight(1);
    expectProblem(await upload('alice'), 429, 'RATE_LIMITED');
    const waiting = (await open('bob', 1)).send('x');
    await hasQueued(1);
    expect((await only.send('x').response()).status).toBe(201);
    expect((await waiting.response()).status).toBe(201);
  });

  it('cannot fill the queue', async () => {
    running = await startApp({ MAX_UPLOADS: '1', MAX_UPLOADS_WAITING: '2', MAX_UPLOAD_WAIT_MS: '300000' });
    const only = await open('alice', 1);
    await hasInFlight(1);
    const waiting = [(await open('mallory', 1)).send('x')];
    await hasQueued(1);
    for (let count = 0; count < 5; count += 1) expectProblem(await upload('mallory'), 429, 'RATE_LIMITED');
    waiting.push((await open('bob', 1)).send('x'));
    await hasQueued(2);
    only.send('x');
    for (const client of waiting) expect((await client.response()).status).toBe(201);
  });

  it('leaves each of the others one upload, however much has come of his', async () => {
    running = await startApp({ MAX_UPLOADS_BYTES: '100000', UNKNOWN_UPLOAD_BYTES: '60000' });
    const large = (await open('mallory', 300_000)).send('x'.repeat(250_000));
    await eventually(async () =>
      expect(await reading('resilience_bulkhead_inflight_bytes')).toBeGreaterThan(200_000),
    );
    await expectOthersServed();
    expectProblem(await upload('mallory'), 429, 'RATE_LIMITED');
    large.send('x'.repeat(50_000));
    expect((await large.response()).status).toBe(201);
  });
});
