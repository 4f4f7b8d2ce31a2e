import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ActiveUploads } from '../../src/ingest/active-uploads.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { StorageElementServer } from '../support/storage-element-server.js';

const BODY = multipart([filePart('hello')]);

describe('an upload that is ended when its last byte is at an element which does not answer', () => {
  let element: StorageElementServer;
  let running: RunningApp;
  let client: RawClient;
  /** The service's side of it. */
  let connection: Socket;

  beforeEach(async () => {
    element = await StorageElementServer.start({ fault: { kind: 'hang' } });
  });

  afterEach(async () => {
    client.close();
    await running.close();
    await element.close();
  });

  /** Sends an upload and waits until the element has all of it. */
  async function send(variables: Record<string, string> = {}): Promise<void> {
    running = await startApp({
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: element.url, mode: 'edit' }]),
      // Nothing is kept for later, so that the answer tells of the storage.
      DELIVER_LATER: 'false',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
      ...variables,
    });
    const opened = once(running.app.getHttpServer(), 'connection') as Promise<[Socket]>;
    client = await RawClient.connect(running.port);
    [connection] = await opened;
    client
      .head('POST /api/v1/files/upload', {
        Authorization: `Bearer ${await running.token()}`,
        'Content-Type': MULTIPART_TYPE,
        'Content-Length': BODY.length,
      })
      .send(BODY);
    await eventually(async () => expect(element.uploads[0]?.state).toMatch(/finished|refused/));
  }

  it('by its deadline is asked for, and stored when it is there', async () => {
    await send({ STORAGE_DEADLINE_MAX_MS: '1500' });
    const answer = await client.response();
    expect(answer.status).toBe(201);
    expect([...element.files.keys()]).toEqual([answer.json().file_id]);
  });

  it('by its deadline is late when it is not there', async () => {
    element.options.fault = { kind: 'stall', afterBytes: Infinity };
    await send({ STORAGE_DEADLINE_MAX_MS: '1500' });
    expect((await client.response()).json()).toMatchObject({ status: 504, code: 'DEADLINE_EXCEEDED' });
    expect(element.files.size).toBe(0);
  });

  it('by its deadline leaves nothing when the element has something else', async () => {
    await send({ STORAGE_DEADLINE_MAX_MS: '1500' });
    for (const [id, file] of element.files) element.files.set(id, { ...file, sha256: '0'.repeat(64) });
    expect((await client.response()).json()).toMatchObject({ status: 504, code: 'DEADLINE_EXCEEDED' });
    expect(element.files.size).toBe(0);
  });

  it('by a shutdown is stored when it is there', async () => {
    await send();
    expect(await running.app.get(ActiveUploads).drain(0)).toBe(1);
    const answer = await client.response();
    expect(answer.status).toBe(201);
    expect([...element.files.keys()]).toEqual([answer.json().file_id]);
  });

  it('by a shutdown, after its client has left, is removed', async () => {
    await send();
    const noticed = new Promise((resolve) => connection.once('close', resolve));
    client.close();
    await noticed;
    await running.app.get(ActiveUploads).drain(0);
    expect(element.uploads.map(({ state }) => state)).toEqual(['finished']);
    expect(element.files.size).toBe(0);
  });
});
