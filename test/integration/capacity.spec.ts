import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { StorageElementServer } from '../support/storage-element-server.js';

const CAPACITY = 1_000;

describe('an element with a capacity', () => {
  let small: StorageElementServer;
  let large: StorageElementServer;
  let running: RunningApp;

  beforeAll(async () => {
    [small, large] = [await StorageElementServer.start(), await StorageElementServer.start()];
    const element = { driver: 'http', mode: 'edit' };
    running = await startApp({
      STORAGE_ELEMENTS: JSON.stringify([
        { ...element, id: 'small', url: small.url, priority: 1, capacity: CAPACITY },
        { ...element, id: 'large', url: large.url, priority: 2 },
      ]),
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
  });

  afterAll(async () => {
    await running.close();
    await Promise.all([small.close(), large.close()]);
  });

  async function send(bytes: number, isForm: boolean): Promise<void> {
    const file = new Blob([new Uint8Array(bytes)]);
    const form = new FormData();
    form.append('description', 'some text in front of the file');
    form.append('file', file, 'a.bin');
    const answer = await fetch(`${running.url}/api/v1/files/${isForm ? 'upload' : crypto.randomUUID()}`, {
      method: isForm ? 'POST' : 'PUT',
      headers: { Authorization: `Bearer ${await running.token()}` },
      body: isForm ? form : file,
    });
    expect(answer.status).toBe(201);
  }

  describe.each([
    ['form', true],
    ['raw body', false],
  ])('gets by a %s', (_, isForm) => {
    it('a file that it has room for, and no larger one', async () => {
      const before = [small.uploads.length, large.uploads.length];
      await send(CAPACITY, isForm);
      await send(CAPACITY + 100, isForm);
      expect([small.uploads.length, large.uploads.length]).toEqual(before.map((count) => count + 1));
    });
  });
});
