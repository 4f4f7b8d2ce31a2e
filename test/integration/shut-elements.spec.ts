import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { elementsOf } from './delivery-stage.js';

const BYTES = randomBytes(1_000);
const REQUEST_TIMEOUT_MS = 300;

describe('an element that takes no files for a while', () => {
  let app: RunningApp;
  let first: StorageElementServer;
  let second: StorageElementServer;

  beforeEach(async () => {
    [first, second] = await Promise.all([StorageElementServer.start(), StorageElementServer.start()]);
    app = await startApp({
      STORAGE_ELEMENTS: elementsOf(first.url, second.url),
      STORAGE_CIRCUIT_FAILURE_THRESHOLD: '1',
      STORAGE_REQUEST_TIMEOUT_MS: String(REQUEST_TIMEOUT_MS),
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
  });

  afterEach(async () => {
    await app.close();
    await Promise.all([first.close(), second.close()]);
  });

  async function call(id: string, method: string, body?: Buffer): Promise<Response> {
    const headers = { authorization: `Bearer ${await app.token()}` };
    return fetch(`${app.url}/api/v1/files/${id}`, { method, headers, body: body && new Uint8Array(body) });
  }

  const put = async (id: string): Promise<number> => (await call(id, 'PUT', BYTES)).status;
  const questions = (): number => first.requests.filter(({ method }) => method === 'GET').length;

  /** Opens its circuit. */
  async function failOnce(): Promise<void> {
    first.options.fault = { kind: 'answer', status: 500 };
    expect(await put(randomUUID())).toBe(201);
    expect(app.app.get(CircuitBreakers).get('storage:se-1')?.state).toBe('open');
  }

  it('is asked for a file that is sent again, so that it is stored once', async () => {
    const id = randomUUID();
    expect(await put(id)).toBe(201);
    await failOnce();
    expect(await put(id)).toBe(200);
    expect([first.files.has(id), second.files.has(id)]).toEqual([true, false]);
    expect(await (await call(id, 'GET')).json()).toMatchObject({ upload_id: id, status: 'active' });
  });

  it('makes nobody wait again once it has left a question unanswered', async () => {
    await failOnce();
    first.options.delayMs = REQUEST_TIMEOUT_MS * 3;
    expect(await put(randomUUID())).toBe(201);
    const asked = questions();
    expect(await put(randomUUID())).toBe(201);
    expect(questions()).toBe(asked);
  });
});
