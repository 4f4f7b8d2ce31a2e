import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient, type RawResponse } from '../support/raw-client.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { expectProblem, UPLOAD } from '../support/strict-app.js';

const FORM = multipart([filePart('hello')]);
const PUT = 'PUT /api/v1/files/0198c2a0-0000-7000-8000-00000000000';

describe('a client that closes its side behind a whole request', () => {
  let element: StorageElementServer;
  let running: RunningApp;
  let client: RawClient;
  /** The service's side of it. */
  let connection: Socket;

  beforeAll(async () => {
    element = await StorageElementServer.start();
    running = await startApp({
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: element.url, mode: 'edit' }]),
      DELIVER_LATER: 'false',
    });
  });
  beforeEach(async () => {
    const opened = once(running.app.getHttpServer(), 'connection') as Promise<[Socket]>;
    client = await RawClient.connect(running.port);
    [connection] = await opened;
  });
  afterEach(() => {
    client.close();
    element.options.fault = undefined;
    element.uploads.length = 0;
    element.files.clear();
  });
  afterAll(async () => {
    await running.close();
    await element.close();
  });

  async function send(requestLine: string, type: string, body: Buffer | string): Promise<RawClient> {
    const headers = {
      Authorization: `Bearer ${await running.token()}`,
      'Content-Type': type,
      'Content-Length': body.length,
    };
    return client.head(requestLine, headers).send(body);
  }
  const sendForm = (): Promise<RawClient> => send(UPLOAD, MULTIPART_TYPE, FORM);

  /** The answer; a machine that is busy may ask on to wait for any. */
  async function answer(): Promise<RawResponse> {
    for (;;) {
      const response = await client.response();
      if (response.status !== 100) return response;
    }
  }

  /** Holds every upload at the element until the promise settles. */
  function holdUploads(): PromiseWithResolvers<void> {
    const held = Promise.withResolvers<void>();
    element.options.fault = { kind: 'wait', until: held.promise };
    return held;
  }

  const untilElementHasIt = (): Promise<void> =>
    eventually(() => Promise.resolve(expect(element.uploads).toHaveLength(1)));

  it.each(['GET /health/live', 'GET /health/ready'])('is answered, as %s', async (requestLine) => {
    client.head(requestLine, {}).socket.end();
    expect((await answer()).status).toBe(200);
    await client.untilClosed();
    expect(client.rest).toBe('');
  });

  it('is answered in one go, as nc sends it', async () => {
    client.socket.end('GET /health HTTP/1.0\r\n\r\n');
    expect((await answer()).status).toBe(200);
    await client.untilClosed();
  });

  it.each([
    ['a form', UPLOAD, MULTIPART_TYPE, FORM],
    ['a raw file', `${PUT}1`, 'text/plain', 'hello'],
  ])('is answered 201, as %s', async (_, requestLine, type, body) => {
    (await send(requestLine, type, body)).socket.end();
    expect((await answer()).status).toBe(201);
    expect(element.files.size).toBe(1);
    await client.untilClosed();
  });

  it('is answered 201, as a form in chunks', async () => {
    client.head(UPLOAD, {
      Authorization: `Bearer ${await running.token()}`,
      'Content-Type': MULTIPART_TYPE,
      'Transfer-Encoding': 'chunked',
    });
    client
      .send(`${FORM.length.toString(16)}\r\n`)
      .send(FORM)
      .send('\r\n0\r\n\r\n')
      .socket.end();
    expect((await answer()).status).toBe(201);
  });

  it.each<[string, [string, string, Buffer | string], [number, string]]>([
    ['that is wrong', [UPLOAD, MULTIPART_TYPE, multipart([filePart('')])], [400, 'EMPTY_FILE']],
    ['nobody reads', [UPLOAD, 'text/plain', 'x'.repeat(200_000)], [415, 'UNSUPPORTED_MEDIA_TYPE']],
    ['to nowhere', ['POST /api/v1/nowhere', 'text/plain', 'hello'], [404, 'NOT_FOUND']],
  ])('is told what is wrong with one %s', async (_, request, problem) => {
    (await send(...request)).socket.end();
    expectProblem(await answer(), ...problem);
    await client.untilClosed();
  });

  it.each([
    ['a form', UPLOAD, MULTIPART_TYPE, FORM],
    ['a raw file', `${PUT}2`, 'text/plain', 'hello'],
  ])('waits for a slow element, as %s, and is asked on to wait', async (_, requestLine, type, body) => {
    const held = holdUploads();
    (await send(requestLine, type, body)).socket.end();
    expect((await client.response()).status).toBe(100);
    expect((await client.response()).status).toBe(100);
    held.resolve();
    expect((await answer()).status).toBe(201);
    expect(element.files.size).toBe(1);
    await client.untilClosed();
  });

  it('has all answers to requests that it sent in one go', async () => {
    const held = holdUploads();
    (await sendForm()).head('GET /health/live', {}).head('GET /health', {}).socket.end();
    await untilElementHasIt();
    held.resolve();
    const statuses = [await answer(), await answer(), await answer()];
    expect(statuses.map(({ status }) => status)).toEqual([201, 200, 200]);
    await client.untilClosed();
    expect(client.rest).toBe('');
  });

  it('is closed by us when it closes its side between requests', async () => {
    client.head('GET /health/live', {});
    expect((await answer()).status).toBe(200);
    client.socket.end();
    await client.untilClosed();
  });

  it.each<[string, (gone: RawClient) => void]>([
    ['closes the whole connection', (gone) => gone.close()],
    ['resets it', (gone) => gone.reset()],
    [
      'closes its side and resets it later',
      (gone) => gone.socket.end(() => setTimeout(() => gone.reset(), 100)),
    ],
  ])('has gone when it %s, and its file is removed', async (_, leave) => {
    const held = holdUploads();
    await sendForm();
    await untilElementHasIt();
    const noticed = new Promise((resolve) => connection.once('close', resolve));
    leave(client);
    await noticed;
    held.resolve();
    await eventually(() => Promise.resolve(expect(element.uploads[0]?.state).toBe('finished')));
    await eventually(() => Promise.resolve(expect(element.files.size).toBe(0)));
  });
});
