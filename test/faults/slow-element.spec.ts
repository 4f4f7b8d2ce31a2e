import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { elementsAt } from '../support/fault-cell.js';

const MIB = 1024 * 1024;

describe('a minimum rate', () => {
  let first: StorageElementServer;
  let second: StorageElementServer;
  let running: RunningApp;

  beforeEach(async () => {
    first = await StorageElementServer.start({ fault: { kind: 'slow', bytesPerSecond: 4 * MIB } });
    second = await StorageElementServer.start();
    running = await startApp({
      STORAGE_ELEMENTS: elementsAt([first.url, second.url]),
      STORAGE_MIN_BYTES_PER_SECOND: String(32 * MIB),
      STORAGE_MIN_RATE_WINDOW_MS: '400',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
  });

  afterEach(async () => {
    await running.close();
    await Promise.all([first.close(), second.close()]);
  });

  async function failuresOfFirst(): Promise<unknown> {
    const headers = { authorization: `Bearer ${await running.token({ role: 'admin' })}` };
    const path = '/api/v1/resilience/circuit-breakers/storage:se-1';
    const report = (await (await fetch(running.url + path, { headers })).json()) as { failure_count: number };
    return report.failure_count;
  }

  it('takes a file to the next element when the first takes it too slowly', async () => {
    const body = new FormData();
    body.append('file', new Blob([randomBytes(32 * MIB)]), 'a.bin');
    const headers = { authorization: `Bearer ${await running.token()}` };
    const answer = await fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body });
    expect(answer.status).toBe(201);
    expect({ first: first.files.size, second: second.files.size }).toEqual({ first: 0, second: 1 });
    expect(await failuresOfFirst()).toBe(1);
  });

  it('is not asked of an element whose client is slower', async () => {
    const body = multipart([filePart(randomBytes(MIB).toString('base64'))]);
    const client = await RawClient.connect(running.port);
    client.head('POST /api/v1/files/upload', {
      Authorization: `Bearer ${await running.token()}`,
      'Content-Type': MULTIPART_TYPE,
      'Content-Length': body.length,
    });
    const chunk = Math.ceil(body.length / 20);
    for (let at = 0; at < body.length; at += chunk) {
      client.send(body.subarray(at, at + chunk));
      await sleep(50);
    }
    expect((await client.response()).status).toBe(201);
    client.close();
    expect({ first: first.files.size, second: second.uploads.length }).toEqual({ first: 1, second: 0 });
    expect(await failuresOfFirst()).toBe(0);
  });
});
