import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { CheckRunner } from '../../src/health/check-runner.service.js';
import { DeadLetters } from '../../src/delivery/dead-letters.service.js';
import { Metrics } from '../../src/observability/metrics.service.js';
import { ShutdownState } from '../../src/observability/shutdown-state.js';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/raw-client.js';
import { StorageElementServer } from '../support/storage-element-server.js';

const CLIENTS = 300;
/** Most that may wait for one page. */
const MAX_WAITING = 100;
/** Longer than a check of readiness waits. */
const HUNG_MS = 60_000;

describe('pages that need no token', () => {
  let running: RunningApp;
  const elements: StorageElementServer[] = [];

  afterEach(async () => {
    jest.restoreAllMocks();
    await running.close();
    for (const element of elements.splice(0)) await element.close();
  });

  /** As an installation has it, but for the time that a page is shared. */
  async function start(reportMaxAgeMs: number, checkTimeoutMs = 2_000): Promise<StorageElementServer> {
    const element = await StorageElementServer.start({ delayMs: HUNG_MS });
    elements.push(element);
    running = await startApp({
      REPORT_MAX_AGE_MS: String(reportMaxAgeMs),
      HEALTH_CHECK_TIMEOUT_MS: String(checkTimeoutMs),
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-hung', driver: 'http', url: element.url, mode: 'edit' }]),
    });
    return element;
  }

  const askedByMany = (path: string): Promise<Response[]> =>
    Promise.all(Array.from({ length: CLIENTS }, () => fetch(running.url + path)));

  it.each([
    ['/metrics', () => jest.spyOn(running.app.get(Metrics), 'text')],
    ['/health/ready', () => jest.spyOn(running.app.get(CheckRunner, { strict: false }), 'run')],
    ['/health/circuit-breakers', () => jest.spyOn(running.app.get(CircuitBreakers), 'overview')],
    ['/health/dlq', () => jest.spyOn(running.app.get(DeadLetters, { strict: false }), 'statistics')],
  ])('%s is made once for all who ask within its time', async (path, spyOnMaking) => {
    await start(60_000, 1_000);
    const making = spyOnMaking();
    const first = await fetch(running.url + path);
    const text = await first.text();
    const answers = await askedByMany(path);
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(await answer.text()).toBe(text);
    }
    expect(making).toHaveBeenCalledTimes(1);
  });

  it('readiness that waits for a hung element is bounded, and asks that element once', async () => {
    const element = await start(60_000, 4_000);
    const answers = await askedByMany('/health/ready');
    const waited = answers.filter(({ status }) => status === 200);
    expect(waited.length).toBeGreaterThanOrEqual(MAX_WAITING);
    const bodies = await Promise.all(waited.map((answer) => answer.json()));
    for (const body of bodies)
      expect(body).toMatchObject({ status: 'degraded', details: { 'storage:1': { status: 'degraded' } } });
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBe(CLIENTS - waited.length);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(await answer.json()).toMatchObject({ code: 'BULKHEAD_FULL', retryable: true });
    }
    expect(element.requests.map(({ path }) => path)).toEqual(['/health/ready']);
  });

  it('readiness that was known a moment ago is refused to nobody, so that no probe fails for a crowd', async () => {
    await start(0, 1_000);
    expect((await fetch(`${running.url}/health/ready`)).status).toBe(200);
    const statuses = new Set((await askedByMany('/health/ready')).map(({ status }) => status));
    expect([...statuses]).toEqual([200]);
  });

  it('readiness is 503 from the beginning of the shutdown on, however young the last answer, also to those who wait', async () => {
    await start(60_000);
    const waiting = fetch(`${running.url}/health/ready`);
    await eventually(async () => expect(elements[0]?.requests).toHaveLength(1));
    running.app.get(ShutdownState).begin();
    const answers = [await fetch(`${running.url}/health/ready`), await waiting];
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ status: 'shutting_down' });
    }
  });

  it('liveness is answered to everybody while readiness waits', async () => {
    await start(60_000);
    const crowd = askedByMany('/health/ready');
    const alive = await askedByMany('/health/live');
    expect([...new Set(alive.map(({ status }) => status))]).toEqual([200]);
    await crowd;
  });

  it('metrics that nobody reads are in memory once', async () => {
    await start(60_000);
    const page = await (await fetch(`${running.url}/metrics`)).text();
    const client = await RawClient.connect(running.port);
    client.socket.pause();
    const served = jest.spyOn(running.app.get(Metrics), 'text');
    const before = process.memoryUsage().arrayBuffers;
    client.send('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_500));
    // Until the service has read them all.
    for (let probes = 0; probes < 5; probes += 1) await fetch(`${running.url}/health/live`);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * page.length);
    expect(served).not.toHaveBeenCalled();
    client.close();
  });
});
