import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient, type RawResponse } from '../support/raw-client.js';
import { onlyStoredContent, storedPaths } from '../support/stored-files.js';

type Headers = Record<string, string>;

const ORIGIN = 'https://app.example';
const digestOf = (algorithm: '256' | '512', bytes: Buffer): string =>
  `sha-${algorithm}=:${createHash(`sha${algorithm}`).update(bytes).digest('base64')}:`;

describe('digest fields', () => {
  const file = randomBytes(300_000);
  const small = Buffer.from('hello');
  const form = multipart([{ name: 'description', value: 'x' }, filePart(file)]);
  let running: RunningApp;

  beforeAll(async () => {
    running = await startApp({ CORS_ORIGINS: ORIGIN });
  });

  afterEach(() => rm(join(running.dataDir, 'storage/edit/files'), { recursive: true, force: true }));
  afterAll(() => running.close());

  async function send(method: string, path: string, body: Buffer, headers: Headers): Promise<Response> {
    const authorization = `Bearer ${await running.token()}`;
    return fetch(`${running.url}/api/v1/files/${path}`, {
      method,
      headers: { authorization, ...headers },
      body: new Uint8Array(body),
    });
  }

  const put = (body: Buffer, headers: Headers, id = randomUUID()): Promise<Response> =>
    send('PUT', id, body, headers);
  const post = (body: Buffer, headers: Headers): Promise<Response> =>
    send('POST', 'upload', body, { 'Content-Type': MULTIPART_TYPE, ...headers });

  /** Chunked, with trailers. */
  async function sendWithTrailers(
    requestLine: string,
    body: Buffer,
    { trailer, ...headers }: Headers,
    trailers: Headers,
  ): Promise<RawResponse> {
    const client = await RawClient.connect(running.port);
    client.head(requestLine, {
      Authorization: `Bearer ${await running.token()}`,
      'Transfer-Encoding': 'chunked',
      ...(trailer !== undefined && { Trailer: trailer }),
      ...headers,
    });
    const lines = Object.entries(trailers).map(([name, value]) => `${name}: ${value}\r\n`);
    client
      .send(`${body.length.toString(16)}\r\n`)
      .send(body)
      .send(`\r\n0\r\n${lines.join('')}\r\n`);
    const answer = await client.response();
    client.close();
    return answer;
  }

  const putWithTrailers = (body: Buffer, headers: Headers, trailers: Headers): Promise<RawResponse> =>
    sendWithTrailers(`PUT /api/v1/files/${randomUUID()}`, body, headers, trailers);
  const postWithTrailers = (body: Buffer, headers: Headers, trailers: Headers): Promise<RawResponse> =>
    sendWithTrailers(
      'POST /api/v1/files/upload',
      body,
      { 'Content-Type': MULTIPART_TYPE, ...headers },
      trailers,
    );

  /** Nothing is left of it, finished or not. */
  async function expectNothing(answer: { json(): unknown }, code = 'DIGEST_MISMATCH'): Promise<void> {
    expect(await answer.json()).toMatchObject({ status: 400, code });
    await eventually(async () => expect(await storedPaths(running.dataDir)).toEqual([]));
  }

  const right = (bytes: Buffer): string => `${digestOf('256', bytes)}, ${digestOf('512', bytes)}`;
  const wrong256 = (bytes: Buffer): string =>
    `${digestOf('256', Buffer.from('x'))}, ${digestOf('512', bytes)}`;
  const wrong512 = (bytes: Buffer): string =>
    `${digestOf('256', bytes)}, ${digestOf('512', Buffer.from('x'))}`;

  describe.each(['Content-Digest', 'Repr-Digest'])('%s of a PUT', (field) => {
    it('has the file stored where all of it is right', async () => {
      expect((await put(file, { [field]: right(file) })).status).toBe(201);
      expect((await onlyStoredContent(running.dataDir)).equals(file)).toBe(true);
      expect((await put(small, { [field]: `md5=:AAAA:, ${right(small)}` })).status).toBe(201);
    });

    it.each([
      ['SHA-256', wrong256],
      ['SHA-512', wrong512],
    ])('stores nothing where the %s alone is wrong', async (_, wrong) => {
      for (const bytes of [file, small]) await expectNothing(await put(bytes, { [field]: wrong(bytes) }));
    });

    it('is refused where it cannot be read', async () => {
      const answer = await put(file, { [field]: 'sha-256=:A' });
      const body = (await answer.json()) as { errors: unknown };
      expect(body).toMatchObject({ status: 400, code: 'VALIDATION_ERROR' });
      expect(body.errors).toEqual([expect.objectContaining({ field })]);
      expect(await storedPaths(running.dataDir)).toEqual([]);
    });

    it('may come behind the file', async () => {
      const trailer = { trailer: field };
      expect((await putWithTrailers(file, trailer, { [field]: right(file) })).status).toBe(201);
      await rm(join(running.dataDir, 'storage/edit/files'), { recursive: true });
      for (const bytes of [file, small])
        for (const wrong of [wrong256, wrong512])
          await expectNothing(await putWithTrailers(bytes, trailer, { [field]: wrong(bytes) }));
      await expectNothing(await putWithTrailers(file, trailer, {}), 'VALIDATION_ERROR');
      await expectNothing(await putWithTrailers(file, trailer, { [field]: 'sha-256' }), 'VALIDATION_ERROR');
    });
  });

  it('holds a file against all that is declared of it', async () => {
    const headers = { 'Content-Digest': digestOf('256', file), 'Repr-Digest': digestOf('512', small) };
    await expectNothing(await put(file, headers));
    const trailer = { trailer: 'X-Other, content-digest', 'Content-Digest': digestOf('256', file) };
    await expectNothing(await putWithTrailers(file, trailer, { 'Content-Digest': digestOf('512', small) }));
  });

  describe('of a form', () => {
    it('are those of the whole body, and of the file', async () => {
      const headers = { 'Content-Digest': right(form), 'Repr-Digest': right(file) };
      expect((await post(form, headers)).status).toBe(201);
      expect((await onlyStoredContent(running.dataDir)).equals(file)).toBe(true);
      const trailer = { trailer: 'Content-Digest, Repr-Digest' };
      expect((await postWithTrailers(form, trailer, headers)).status).toBe(201);
    });

    it.each([
      ['Content-Digest', form],
      ['Repr-Digest', file],
    ])('have nothing stored where the %s is wrong', async (field, bytes) => {
      for (const wrong of [wrong256, wrong512]) {
        await expectNothing(await post(form, { [field]: wrong(bytes) }));
        await expectNothing(await postWithTrailers(form, { trailer: field }, { [field]: wrong(bytes) }));
      }
      await expectNothing(await post(form, { [field]: 'sha-512' }), 'VALIDATION_ERROR');
    });
  });

  describe('Want-Repr-Digest', () => {
    it.each([
      ['sha-256=9, sha-512=1', digestOf('256', file)],
      ['sha-512=9, sha-256=1', digestOf('512', file)],
      ['sha-256=0', null],
      ['md5=1', null],
      ['?', null],
    ])('%s is answered with the digest of the file', async (want, digest) => {
      const id = randomUUID();
      const headers = { 'Want-Repr-Digest': want };
      const answers = [await put(file, headers, id), await put(file, headers, id), await post(form, headers)];
      expect(answers.map(({ status }) => status)).toEqual([201, 200, 201]);
      expect(answers.map((answer) => answer.headers.get('Repr-Digest'))).toEqual(answers.map(() => digest));
    });

    it('is answered where the file is accepted as well', async () => {
      const id = randomUUID();
      const headers = { 'Want-Repr-Digest': 'sha-512=1', Prefer: 'respond-async' };
      const answer = await put(file, headers, id);
      expect([answer.status, answer.headers.get('Repr-Digest')]).toEqual([202, digestOf('512', file)]);
      // Else the storage is cleared while it is delivered.
      await eventually(async () => {
        const receipt = await fetch(`${running.url}/api/v1/files/${id}`, {
          headers: { authorization: `Bearer ${await running.token()}` },
        });
        expect(await receipt.json()).toMatchObject({ status: 'active' });
      });
    });

    it('is answered beside a digest that was declared, and only where the file was taken', async () => {
      const headers = { 'Want-Repr-Digest': 'sha-512=1', 'Content-Digest': digestOf('256', small) };
      const taken = await put(small, headers);
      expect([taken.status, taken.headers.get('Repr-Digest')]).toEqual([201, digestOf('512', small)]);
      const refused = await put(file, headers);
      expect([refused.status, refused.headers.get('Repr-Digest')]).toEqual([400, null]);
    });

    it('is answered to pages of other origins', async () => {
      const answer = await put(small, { 'Want-Repr-Digest': 'sha-256=1', Origin: ORIGIN });
      expect(answer.headers.get('Access-Control-Expose-Headers')).toContain('Repr-Digest');
    });
  });
});
