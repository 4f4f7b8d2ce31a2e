import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { elementsAt } from '../support/fault-cell.js';
import { StorageElementServer } from '../support/storage-element-server.js';

describe('a file that one element stored wrongly, and keeps', () => {
  let wrong: StorageElementServer;
  let right: StorageElementServer;
  let running: RunningApp;

  beforeEach(async () => {
    wrong = await StorageElementServer.start({ fault: { kind: 'wrong-checksum' }, keepsFiles: true });
    right = await StorageElementServer.start();
    running = await startApp({ STORAGE_ELEMENTS: elementsAt([wrong.url, right.url]) });
  });

  afterEach(async () => {
    await running.close();
    await Promise.all([wrong.close(), right.close()]);
  });

  it('is what the other one has, for its owner and for who sends it again', async () => {
    const headers = { authorization: `Bearer ${await running.token()}` };
    const url = `${running.url}/api/v1/files/${randomUUID()}`;
    const put = (): Promise<Response> => fetch(url, { method: 'PUT', headers, body: 'hello' });
    expect((await put()).status).toBe(201);
    for (const [id, file] of wrong.files) wrong.files.set(id, { ...file, sha256: '0'.repeat(64) });
    expect([wrong.files.size, right.files.size]).toEqual([1, 1]);

    const [stored] = right.files.values();
    expect(await (await fetch(url, { headers })).json()).toMatchObject({ checksum: stored?.sha256 });
    expect((await put()).status).toBe(200);
  });
});
