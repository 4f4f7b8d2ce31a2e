import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { elementsAt } from '../support/fault-cell.js';
import { StorageElementServer } from '../support/storage-element-server.js';

const RECOVERY_MS = 1_500;
/** Recovery timeouts vary by a tenth. */
const RECOVERED_MS = RECOVERY_MS * 1.2;

describe('a storage element that is back after an outage', () => {
  let preferred: StorageElementServer;
  let other: StorageElementServer;
  let running: RunningApp;
  let authorization: string;

  beforeEach(async () => {
    preferred = await StorageElementServer.start();
    other = await StorageElementServer.start();
    running = await startApp({
      STORAGE_ELEMENTS: elementsAt([preferred.url, other.url]),
      STORAGE_CIRCUIT_RECOVERY_MS: String(RECOVERY_MS),
      STORAGE_CIRCUIT_MAX_RECOVERY_MS: String(RECOVERY_MS),
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
    authorization = `Bearer ${await running.token()}`;
  });
  afterEach(async () => {
    await running.close();
    await Promise.all([preferred.close(), other.close()]);
  });

  async function put(uploadId: string): Promise<number> {
    const { status } = await fetch(`${running.url}/api/v1/files/${uploadId}`, {
      method: 'PUT',
      headers: { authorization, 'Content-Type': 'text/plain' },
      body: `the file ${uploadId}`,
    });
    return status;
  }

  it('is asked for each file that is sent again at once, and none is stored twice', async () => {
    const lost = Array.from({ length: 20 }, () => randomUUID());
    expect(new Set(await Promise.all(lost.map(put)))).toEqual(new Set([201]));
    await preferred.close();
    // Enough for questions to it to stop.
    for (let count = 0; count < 8; count += 1) expect(await put(randomUUID())).toBe(201);
    await preferred.comeBack();
    await sleep(RECOVERED_MS);
    expect(new Set(await Promise.all(lost.map(put)))).toEqual(new Set([200]));
    expect([preferred.uploads.length, other.files.size]).toEqual([20, 8]);
  });
});
