import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CircuitBreakers } from '../../src/resilience/circuit-breakers.service.js';
import { StorageGateway } from '../../src/storage/storage-gateway.service.js';
import { InFlightUploads } from '../../src/uploads/in-flight-uploads.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/raw-client.js';
import { StorageElementServer } from '../support/storage-element-server.js';

const TARGET = 'storage:se-1';
/** An element takes so long for an answer to a question, which is well within the time that it has. */
const DELAY_MS = 30_000;

describe('a question to an element that takes its time', () => {
  let element: StorageElementServer;
  let running: RunningApp;

  beforeEach(async () => {
    element = await StorageElementServer.start();
    element.options.delayMs = DELAY_MS;
    running = await startApp({
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: element.url, mode: 'edit' }]),
      STORAGE_REQUEST_TIMEOUT_MS: '60000',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
  });

  afterEach(async () => {
    await running.close();
    await element.close();
  });

  const asked = (method: string): Promise<void> =>
    eventually(async () => expect(element.requests.map((request) => request.method)).toContain(method));

  it('ends with the client that sends the file, and says nothing of the element', async () => {
    const client = await RawClient.connect(running.port);
    client.head(`PUT /api/v1/files/${randomUUID()}`, {
      Authorization: `Bearer ${await running.token()}`,
      'Content-Type': 'application/octet-stream',
      'Content-Length': 10,
    });
    client.send('hello');
    await asked('GET');
    expect(running.app.get(InFlightUploads).count).toBe(1);
    client.reset();
    await eventually(async () => expect(running.app.get(InFlightUploads).count).toBe(0));
    expect(running.app.get(CircuitBreakers).get(TARGET)?.totals).toMatchObject({ failure: 0, neutral: 1 });
  });

  it.each(['stat', 'remove'] as const)('ends with the signal of the call: %s', async (what) => {
    const leaving = new AbortController();
    const call = { targets: [TARGET], fileId: randomUUID(), signal: leaving.signal };
    const question = running.app.get(StorageGateway)[what](call);
    await asked(what === 'stat' ? 'GET' : 'DELETE');
    leaving.abort(new Error('gone'));
    await expect(question).rejects.toThrow('gone');
  });
});
