import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { StorageElementServer } from '../support/storage-element-server.js';

const MIB = 1024 * 1024;
const TARGET = 'storage:se-1';

describe('GET /metrics', () => {
  let element: StorageElementServer;
  let running: RunningApp;

  beforeEach(async () => {
    element = await StorageElementServer.start();
  });

  afterEach(async () => {
    await running.close();
    await element.close();
  });

  async function start(variables: Record<string, string> = {}): Promise<void> {
    running = await startApp({
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: element.url, mode: 'edit' }]),
      STORAGE_RETRY_ATTEMPTS: '1',
      // Nothing is kept for later, so that an upload ends with its one attempt.
      DELIVER_LATER: 'false',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
      ...variables,
    });
  }

  async function put(content: Buffer<ArrayBuffer>): Promise<number> {
    const headers = { authorization: `Bearer ${await running.token()}` };
    const path = `/api/v1/files/${randomUUID()}`;
    return (await fetch(running.url + path, { method: 'PUT', headers, body: content })).status;
  }

  /** The value of a metric with its labels, as it is written; undefined where there is none. */
  async function metric(name: string): Promise<number | undefined> {
    const text = await (await fetch(`${running.url}/metrics`)).text();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length));
  }

  const timeouts = (phase: string, name = TARGET): Promise<number | undefined> =>
    metric(`resilience_timeouts_total{name="${name}",phase="${phase}"}`);

  describe('counts timeouts by what an element was late with', () => {
    it('taking bytes', async () => {
      element.options.fault = { kind: 'stall', afterBytes: 0 };
      await start({ STORAGE_STALL_TIMEOUT_MS: '200' });
      expect(await put(randomBytes(16 * MIB))).toBe(504);
      expect(await timeouts('stall')).toBe(1);
    });

    it('taking them fast enough', async () => {
      element.options.fault = { kind: 'slow', bytesPerSecond: MIB };
      await start({ STORAGE_MIN_BYTES_PER_SECOND: String(64 * MIB), STORAGE_MIN_RATE_WINDOW_MS: '300' });
      expect(await put(randomBytes(16 * MIB))).toBe(504);
      expect(await timeouts('stall')).toBe(1);
    });

    it('its confirmation, also where it is found to have the file', async () => {
      await start({ STORAGE_COMMIT_TIMEOUT_MS: '1000' });
      element.options.fault = { kind: 'stall', afterBytes: Infinity };
      expect(await put(randomBytes(10))).toBe(504);
      expect(await timeouts('commit')).toBe(1);
      element.options.fault = { kind: 'hang' };
      expect(await put(randomBytes(10))).toBe(201);
      expect(await timeouts('commit')).toBe(2);
    });

    it('its answer to a question', async () => {
      element.options.delayMs = 1_000;
      await start({ STORAGE_REQUEST_TIMEOUT_MS: '100' });
      expect(await put(randomBytes(10))).toBe(201);
      expect(await timeouts('headers')).toBe(1);
    });

    it('all that it was to do', async () => {
      element.options.fault = { kind: 'hang' };
      element.options.delayMs = 1_000;
      await start({ STORAGE_DEADLINE_MAX_MS: '300', STORAGE_REQUEST_TIMEOUT_MS: '10' });
      expect(await put(randomBytes(10))).toBe(504);
      expect(await timeouts('total', 'storage')).toBe(1);
      expect(await timeouts('commit')).toBeUndefined();
    });
  });

  it('counts bytes of files that went out, by element, also when they go out once more', async () => {
    await start({ STORAGE_RETRY_ATTEMPTS: '2', STORAGE_RETRY_BASE_MS: '300' });
    const forwarded = (): Promise<number | undefined> =>
      metric(`upload_forwarded_bytes_total{target="${TARGET}"}`);
    expect(await put(randomBytes(100_000))).toBe(201);
    expect(await forwarded()).toBe(100_000);
    element.options.fault = { kind: 'answer', status: 500 };
    expect(await put(randomBytes(50_000))).toBe(502);
    expect(await forwarded()).toBe(200_000);
  });

  it('shows what the spool holds', async () => {
    element.options.fault = { kind: 'stall', afterBytes: 0 };
    await start({ BODY_MEMORY_BYTES: String(64 * 1024), SPOOL_MAX_BYTES: String(64 * MIB) });
    expect(await metric('body_spool_limit_bytes')).toBe(64 * MIB);
    expect(await metric('body_spool_oldest_age_seconds')).toBe(0);
    const status = put(randomBytes(16 * MIB));
    await eventually(async () => {
      expect(await metric('body_spool_files')).toBe(1);
      expect(await metric('body_spool_bytes')).toBeGreaterThan(4 * MIB);
      expect(await metric('body_spool_oldest_age_seconds')).toBeGreaterThan(0.1);
      expect(await metric('body_spool_oldest_age_seconds')).toBeLessThan(60);
    });
    await element.close();
    expect(await status).toBe(502);
    await eventually(async () => {
      expect(await metric('body_spool_files')).toBe(0);
      expect(await metric('body_spool_bytes')).toBe(0);
      expect(await metric('body_spool_spare_bytes')).toBeGreaterThan(4 * MIB);
      expect(await metric('body_spool_oldest_age_seconds')).toBe(0);
    });
  });
});
