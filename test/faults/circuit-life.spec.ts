import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { elementsAt } from '../support/fault-cell.js';

const RECOVERY_MS = 1_000;
const FAILURE = { kind: 'answer', status: 500 } as const;

describe('the circuit of a storage element', () => {
  let first: StorageElementServer;
  let second: StorageElementServer;
  let running: RunningApp;

  async function start(urls: readonly string[], variables: Record<string, string> = {}): Promise<void> {
    running = await startApp({
      STORAGE_ELEMENTS: elementsAt(urls),
      STORAGE_RETRY_ATTEMPTS: '1',
      STORAGE_CIRCUIT_RECOVERY_MS: String(RECOVERY_MS),
      // Nothing is kept for later: deliveries would move the circuit as well.
      DELIVER_LATER: 'false',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
      ...variables,
    });
  }

  beforeEach(async () => {
    first = await StorageElementServer.start();
    second = await StorageElementServer.start();
  });

  afterEach(async () => {
    await running.close();
    await Promise.all([first.close(), second.close()]);
  });

  async function upload(): Promise<Response> {
    const body = new FormData();
    body.append('file', new Blob(['hello']), 'a.txt');
    const headers = { authorization: `Bearer ${await running.token()}` };
    return fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body });
  }

  async function circuit(): Promise<Record<string, unknown>> {
    const headers = { authorization: `Bearer ${await running.token({ role: 'admin' })}` };
    const answer = await fetch(`${running.url}/api/v1/resilience/circuit-breakers`, { headers });
    const circuits = (await answer.json()) as Record<string, Record<string, unknown>>;
    return circuits['storage:se-1'] ?? {};
  }

  it('opens after five failures, rejects, lets calls try after a while, and closes after two successes', async () => {
    await start([first.url]);
    first.options.fault = FAILURE;
    for (let failures = 1; failures <= 5; failures += 1) {
      expect(await circuit()).toMatchObject({ state: 'closed', failure_count: failures - 1 });
      expect((await upload()).status).toBe(502);
    }
    expect(await circuit()).toMatchObject({ state: 'open', failure_count: 5 });

    const rejected = await upload();
    expect(await rejected.json()).toMatchObject({ status: 503, code: 'NO_STORAGE_AVAILABLE' });
    expect(first.uploads).toHaveLength(5);

    first.options.fault = undefined;
    await eventually(async () => expect(await circuit()).toMatchObject({ state: 'half_open' }));
    expect((await upload()).status).toBe(201);
    expect(await circuit()).toMatchObject({ state: 'half_open', success_count: 1 });
    expect((await upload()).status).toBe(201);
    expect(await circuit()).toMatchObject({ state: 'closed', health_percentage: 100 });
  });

  it('opens anew when the first call after a while fails', async () => {
    await start([first.url], { STORAGE_CIRCUIT_FAILURE_THRESHOLD: '1' });
    first.options.fault = FAILURE;
    await upload();
    await eventually(async () => expect(await circuit()).toMatchObject({ state: 'half_open' }));
    expect((await upload()).status).toBe(502);
    expect(await circuit()).toMatchObject({ state: 'open' });
  });

  it('tells a client honestly when it is worth another try', async () => {
    const recoveryMs = 3_000;
    await start([first.url], {
      STORAGE_CIRCUIT_FAILURE_THRESHOLD: '1',
      STORAGE_CIRCUIT_RECOVERY_MS: String(recoveryMs),
    });
    first.options.fault = FAILURE;
    await upload();
    first.options.fault = undefined;
    const rejected = await upload();
    expect(rejected.status).toBe(503);
    const waitMs = Number(rejected.headers.get('retry-after')) * 1_000;
    expect(waitMs).toBeGreaterThanOrEqual(1_000);
    // Give or take 10 %, in whole seconds.
    expect(waitMs).toBeLessThanOrEqual(recoveryMs + 1_000);
    await sleep(waitMs);
    expect((await upload()).status).toBe(201);
  });

  it('ends the upload that opens it at once, without waiting for another attempt', async () => {
    await start([first.url], {
      STORAGE_CIRCUIT_FAILURE_THRESHOLD: '1',
      STORAGE_CIRCUIT_RECOVERY_MS: '60000',
      STORAGE_RETRY_ATTEMPTS: '3',
      // Longer than a test may last, but for the luck of the draw.
      STORAGE_RETRY_BASE_MS: '600000',
      STORAGE_RETRY_MAX_MS: '600000',
      STORAGE_DEADLINE_BASE_MS: '3600000',
      STORAGE_DEADLINE_MAX_MS: '3600000',
    });
    first.options.fault = FAILURE;
    const rejected = await upload();
    expect(await rejected.json()).toMatchObject({ status: 503, code: 'NO_STORAGE_AVAILABLE' });
    expect(Number(rejected.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(first.uploads).toHaveLength(1);
  });

  it('may have a longest recovery below the usual one, which then never doubles', async () => {
    await start([first.url], { STORAGE_CIRCUIT_MAX_RECOVERY_MS: '1' });
    expect((await upload()).status).toBe(201);
  });

  it('is skipped without waiting while it is open and there is another element', async () => {
    await start([first.url, second.url], {
      STORAGE_CIRCUIT_FAILURE_THRESHOLD: '1',
      STORAGE_CIRCUIT_RECOVERY_MS: '60000',
      STORAGE_RETRY_ATTEMPTS: '3',
      STORAGE_RETRY_BASE_MS: '10000',
      STORAGE_RETRY_MAX_MS: '10000',
    });
    first.options.fault = FAILURE;
    expect((await upload()).status).toBe(201);
    expect(await circuit()).toMatchObject({ state: 'open' });
    const startedAt = performance.now();
    expect((await upload()).status).toBe(201);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect({ first: first.uploads.length, second: second.files.size }).toEqual({ first: 1, second: 2 });
  });
});
