import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { elementsAt } from '../support/fault-cell.js';

/** Longer than the first upload keeps its place at the first element. */
const LONG_MS = 40_000;
const WAIT_MS = 300;

describe('a storage element that has as many uploads as it may', () => {
  let first: StorageElementServer;
  let second: StorageElementServer;
  let running: RunningApp;
  let occupying: Promise<Response>;
  let leavePlace: () => void;

  beforeEach(async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    leavePlace = resolve;
    first = await StorageElementServer.start({ fault: { kind: 'wait', until: promise } });
    second = await StorageElementServer.start();
  });

  afterEach(async () => {
    leavePlace();
    await occupying;
    await running.close();
    await Promise.all([first.close(), second.close()]);
  });

  /** Starts the service and occupies the only place at the first element. */
  async function start(urls: readonly string[], maxWaitMs = WAIT_MS): Promise<void> {
    running = await startApp({
      STORAGE_ELEMENTS: elementsAt(urls),
      STORAGE_ELEMENT_MAX_CALLS: '1',
      STORAGE_ELEMENT_MAX_WAIT_MS: String(maxWaitMs),
      STORAGE_COMMIT_TIMEOUT_MS: String(LONG_MS),
      // Nothing is kept for later, so that the answer tells of the storage.
      DELIVER_LATER: 'false',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
    occupying = upload();
    await eventually(async () => expect(first.uploads[0]?.state).toBe('receiving'));
    first.options.fault = undefined;
  }

  async function upload(): Promise<Response> {
    const body = new FormData();
    body.append('file', new Blob(['hello']), 'a.txt');
    const headers = { authorization: `Bearer ${await running.token()}` };
    return fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body });
  }

  const CIRCUIT = '/api/v1/resilience/circuit-breakers/storage:se-1';

  async function operate(path: string, init?: RequestInit): Promise<unknown> {
    const token = await running.token({ role: 'admin' });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return (await fetch(running.url + path, { ...init, headers })).json();
  }

  async function expectCircuitUntouched(): Promise<void> {
    expect(await operate(CIRCUIT)).toMatchObject({
      state: 'closed',
      failure_count: 0,
      neutral_count: 0,
      rejected_count: 0,
    });
  }

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${running.url}/metrics`)).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length),
    );
  }

  it('is passed over at once for another one that has room', async () => {
    await start([first.url, second.url], LONG_MS);
    for (const answer of [await upload(), await upload()]) expect(answer.status).toBe(201);
    expect({ first: first.uploads.length, second: second.files.size }).toEqual({ first: 1, second: 2 });
    await expectCircuitUntouched();
    expect(await metric('resilience_bulkhead_inflight{name="storage:se-1"}')).toBe(1);
  });

  it('is waited for where there is no other', async () => {
    await start([first.url], LONG_MS);
    const waiting = upload();
    await eventually(async () => {
      expect(await metric('resilience_bulkhead_queued{name="storage:se-1"}')).toBe(1);
    });
    expect(first.uploads).toHaveLength(1);
    leavePlace();
    expect((await waiting).status).toBe(201);
    expect(first.files.size).toBe(2);
  });

  it('is not called when its circuit opens while somebody waits for it', async () => {
    await start([first.url], LONG_MS);
    const waiting = upload();
    await eventually(async () => {
      expect(await metric('resilience_bulkhead_queued{name="storage:se-1"}')).toBe(1);
    });
    await operate(`${CIRCUIT}/force-open`, { method: 'POST', body: JSON.stringify({ reason: 'test' }) });
    leavePlace();
    expect(await (await waiting).json()).toMatchObject({ status: 503, code: 'NO_STORAGE_AVAILABLE' });
    expect(first.uploads).toHaveLength(1);
  });

  it('is not waited for too long, and not blamed', async () => {
    await start([first.url]);
    const answer = await upload();
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 503,
      body: { code: 'BULKHEAD_FULL', retryable: true },
    });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(first.uploads).toHaveLength(1);
    await expectCircuitUntouched();
    expect(await metric('resilience_bulkhead_rejected_total{name="storage:se-1"}')).toBe(1);
  });
});
