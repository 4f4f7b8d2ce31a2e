import { expect, it } from '@jest/globals';
import { startApp } from '../support/app.js';
import { elementsAt } from '../support/fault-cell.js';
import { StorageElementServer } from '../support/storage-element-server.js';

const BROKEN = { kind: 'answer', status: 500 } as const;

it('goes to an element that was reached, where the preferred one was not', async () => {
  const [gone, stumbling] = [await StorageElementServer.start(), await StorageElementServer.start()];
  await gone.close();
  Object.defineProperty(stumbling.options, 'fault', {
    get: () => (stumbling.uploads.length === 1 ? BROKEN : undefined),
  });
  const running = await startApp({
    DELIVER_LATER: 'false',
    STORAGE_ELEMENTS: elementsAt([gone.url, stumbling.url]),
    STORAGE_RETRY_ATTEMPTS: '3',
    STORAGE_RETRY_BASE_MS: '20',
    SHUTDOWN_DRAIN_DELAY_MS: '0',
  });
  try {
    const body = new FormData();
    body.append('file', new Blob(['hello']), 'a.txt');
    const headers = { Authorization: `Bearer ${await running.token()}` };
    const answer = await fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body });
    expect(answer.status).toBe(201);
    expect(stumbling.uploads.map(({ state }) => state)).toEqual(['refused', 'finished']);
  } finally {
    await running.close();
    await stumbling.close();
  }
});
