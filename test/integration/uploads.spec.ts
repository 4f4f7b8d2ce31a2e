import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import request, { type Test } from 'supertest';
import { type RunningApp, startApp } from '../support/app.js';
import { BOUNDARY, filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { onlyStoredContent, storedPaths } from '../support/stored-files.js';

const UUID_V7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('uploads', () => {
  let running: RunningApp;
  let token: string;

  beforeAll(async () => {
    running = await startApp();
    token = await running.token({ username: 'alice.smith' });
  });

  afterEach(async () => {
    for (const mode of ['edit', 'rw']) {
      await rm(join(running.dataDir, 'storage', `${mode}/files`), { recursive: true, force: true });
    }
  });

  afterAll(() => running.close());

  const post = (): Test => request(running.url).post('/api/v1/files/upload').auth(token, { type: 'bearer' });
  const put = (id: string): Test =>
    request(running.url).put(`/api/v1/files/${id}`).auth(token, { type: 'bearer' });

  describe('POST /api/v1/files/upload', () => {
    it('stores the file and answers 201 with its receipt', async () => {
      const bytes = randomBytes(3_000_000);
      const answer = await post()
        .field('description', 'Quartalsbericht')
        .field('ttl_days', '7')
        .field('tags', '["a","b"]')
        .field('metadata', '{"project":{"id":7}}')
        .attach('file', bytes, { filename: 'Отчёт.pdf', contentType: 'application/pdf' });
      expect(answer.status).toBe(201);
      expect(answer.body).toEqual({
        upload_id: expect.stringMatching(UUID_V7),
        file_id: answer.body.upload_id,
        original_filename: 'Отчёт.pdf',
        content_type: 'application/pdf',
        size: bytes.length,
        checksum: sha256(bytes),
        uploaded_by: 'alice',
        uploaded_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        description: 'Quartalsbericht',
        tags: ['a', 'b'],
        metadata: { project: { id: 7 } },
        status: 'active',
        retention_policy: 'temporary',
        ttl_days: 7,
        expires_at: new Date(Date.parse(answer.body.uploaded_at) + 7 * 86_400_000).toISOString(),
      });
      expect((await onlyStoredContent(running.dataDir)).equals(bytes)).toBe(true);
    });

    it('gives every answer its request id and API version', async () => {
      const answer = await post()
        .set('X-Request-ID', 'my-request-1')
        .attach('file', Buffer.from('x'), 'a.txt');
      expect(answer.headers).toMatchObject({ 'x-request-id': 'my-request-1', 'x-api-version': '1' });
      const refused = await post().field('ttl_days', '0').attach('file', Buffer.from('x'), 'a.txt');
      expect(refused.headers).toMatchObject({ 'x-request-id': expect.any(String), 'x-api-version': '1' });
    });

    it('puts a permanent file on an rw element, without an end', async () => {
      const answer = await post()
        .field('retention_policy', 'permanent')
        .attach('file', Buffer.from('x'), 'a.txt');
      expect(answer.body).toMatchObject({ retention_policy: 'permanent', ttl_days: null, expires_at: null });
      expect((await storedPaths(running.dataDir))[0]).toContain('/storage/rw/');
    });

    it('takes JSON parts as a script sends them, with a type and a name of their own', async () => {
      const form = new FormData();
      form.append('metadata', new Blob(['{"a":1}'], { type: 'application/json' }));
      form.append('file', new Blob(['x']), 'a.txt');
      const answer = await fetch(`${running.url}/api/v1/files/upload`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}` },
        body: form,
      });
      expect(await answer.json()).toMatchObject({ metadata: { a: 1 }, original_filename: 'a.txt' });
    });

    it('gives metadata back as it was written, now and later', async () => {
      const metadata = '{"id":1546130668394913822,"price":1.10,"far":1e400,"__proto__":{"a":[-0]}}';
      const answer = await post().field('metadata', metadata).attach('file', Buffer.from('x'), 'a.txt');
      expect(answer.text).toContain(`"metadata":${metadata}`);
      const later = await request(running.url)
        .get(`/api/v1/files/${answer.body.upload_id}`)
        .auth(token, { type: 'bearer' });
      expect(later.text).toBe(answer.text);
    });

    it('refuses metadata that has two members of the same name, and stores nothing', async () => {
      const answer = await post()
        .field('metadata', '{"a":{"b":1,"b":2}}')
        .attach('file', Buffer.from('x'), 'a.txt');
      expect(answer.status).toBe(400);
      expect(answer.body.errors).toEqual([
        { field: 'metadata', message: 'must not have two members of the same name' },
      ]);
      expect(await storedPaths(running.dataDir)).toEqual([]);
    });

    it('keeps a name that ends in a backslash, as a browser sends it', async () => {
      const form = new FormData();
      form.append('file', new Blob(['x']), 'notes\\');
      const answer = await fetch(`${running.url}/api/v1/files/upload`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}` },
        body: form,
      });
      expect(await answer.json()).toMatchObject({ original_filename: 'notes\\' });
    });

    it('takes a boundary without quotes, as mail libraries write it', async () => {
      const boundary = '----=_Part_1_12.34';
      const answer = await post()
        .set('Content-Type', `multipart/form-data; boundary=${boundary}`)
        .send(multipart([filePart()], boundary).toString());
      expect(answer.status).toBe(201);
    });

    it('reads a text part in its own charset', async () => {
      const value = Buffer.from('1b2442467c4b5c1b2842', 'hex');
      const part = { name: 'description', value, contentType: 'text/plain; charset=ISO-2022-JP' };
      const answer = await post()
        .set('Content-Type', MULTIPART_TYPE)
        .send(multipart([part, filePart()]).toString());
      expect(answer.body).toMatchObject({ description: '日本' });
    });

    it('stores a text file with its byte order mark', async () => {
      const bytes = Buffer.from('\ufefftext');
      await post().attach('file', bytes, { filename: 'a.txt', contentType: 'text/plain' });
      expect((await onlyStoredContent(running.dataDir)).equals(bytes)).toBe(true);
    });

    it('serves the default version where the URL names none', async () => {
      const answer = await request(running.url)
        .post('/api/files/upload')
        .auth(token, { type: 'bearer' })
        .attach('file', Buffer.from('x'), 'a.txt');
      expect(answer.status).toBe(201);
    });

    it('refuses a caller who may not upload, and stores nothing', async () => {
      const visitor = await running.token({ role: 'auditor' });
      const answer = await request(running.url)
        .post('/api/v1/files/upload')
        .auth(visitor, { type: 'bearer' })
        .attach('file', Buffer.from('x'), 'a.txt');
      expect(answer.status).toBe(403);
      expect(answer.body.code).toBe('FORBIDDEN');
      expect(await storedPaths(running.dataDir)).toEqual([]);
    });
  });

  it.each([
    ['arrives one byte at a time', 1, 'hello'],
    ['has the boundary in its data', 1000, `a\r\n--${BOUNDARY.slice(0, -1)}\r\n--${BOUNDARY.slice(1)}`],
    ['has lines like a final boundary', 7, '--\r\n----\r\n--\r\n'],
  ])('stores a file that %s', async (_, size, content) => {
    const body = multipart([{ name: 'description', value: 'd' }, filePart(content)]);
    const client = await RawClient.connect(running.port);
    const headers = {
      Authorization: `Bearer ${token}`,
      'Content-Type': MULTIPART_TYPE,
      'Content-Length': body.length,
    };
    client.head('POST /api/v1/files/upload', headers);
    await client.sendSlowly(body, size);
    expect((await client.response()).json()).toMatchObject({ size: content.length, description: 'd' });
    expect((await onlyStoredContent(running.dataDir)).toString()).toBe(content);
    client.close();
  });

  it('answers a good upload also when garbage follows it on the connection', async () => {
    const body = multipart([filePart()]);
    const client = await RawClient.connect(running.port);
    const headers = {
      Authorization: `Bearer ${token}`,
      'Content-Type': MULTIPART_TYPE,
      'Content-Length': body.length,
    };
    client.head('POST /api/v1/files/upload', headers).send(body).send('no HTTP\r\n\r\n');
    expect((await client.response()).status).toBe(201);
    await client.untilClosed();
  });

  describe('PUT /api/v1/files/{uuid}', () => {
    it('stores the body under the id of the caller', async () => {
      const id = randomUUID();
      const bytes = randomBytes(200_000);
      const answer = await put(id)
        .set('Content-Type', 'image/png')
        .set('Content-Disposition', "attachment; filename*=UTF-8''%D0%BA%D0%BB.png")
        .set('Repr-Digest', `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`)
        .send(bytes);
      expect(answer.status).toBe(201);
      expect(answer.body).toMatchObject({
        upload_id: id,
        file_id: id,
        original_filename: 'кл.png',
        content_type: 'image/png',
        size: bytes.length,
        checksum: sha256(bytes),
      });
      expect((await onlyStoredContent(running.dataDir)).equals(bytes)).toBe(true);
    });

    it('takes a file of which nobody says what it is for bytes', async () => {
      const client = await RawClient.connect(running.port);
      client.head(`PUT /api/v1/files/${randomUUID()}`, {
        Authorization: `Bearer ${token}`,
        'Content-Type': '',
        'Content-Length': 5,
      });
      const answer = await client.send('hello').response();
      expect(answer.status).toBe(201);
      expect(answer.json()).toMatchObject({ content_type: 'application/octet-stream' });
      client.close();
    });

    it('answers the same bytes again with 200 and the first receipt', async () => {
      const id = randomUUID();
      const first = await put(id).set('Content-Type', 'text/plain').send('same');
      const again = await put(id.toUpperCase()).set('Content-Type', 'text/plain').send('same');
      expect(first.status).toBe(201);
      expect(again.status).toBe(200);
      expect(again.body).toEqual(first.body);
    });

    it('refuses other bytes under the same id and keeps the first', async () => {
      const id = randomUUID();
      await put(id).set('Content-Type', 'text/plain').send('first');
      const other = await put(id).set('Content-Type', 'text/plain').send('other');
      expect(other.status).toBe(409);
      expect(other.body.code).toBe('CONFLICT');
      expect((await onlyStoredContent(running.dataDir)).toString()).toBe('first');
    });

    it('does not give one caller the receipt of another', async () => {
      const id = randomUUID();
      await put(id).set('Content-Type', 'text/plain').send('same');
      const mallory = await running.token({ sub: 'mallory' });
      const answer = await request(running.url)
        .put(`/api/v1/files/${id}`)
        .auth(mallory, { type: 'bearer' })
        .set('Content-Type', 'text/plain')
        .send('same');
      expect(answer.status).toBe(409);
      expect(JSON.stringify(answer.body)).not.toContain('alice');
    });

    it('stores one of two simultaneous uploads of an id and refuses the other', async () => {
      const id = randomUUID();
      const bytes = randomBytes(5_000_000);
      const answers = await Promise.all([put(id).send(bytes), put(id).send(bytes)]);
      expect(new Set(answers.map(({ body }) => body.code))).toEqual(
        new Set([undefined, 'UPLOAD_IN_PROGRESS']),
      );
      expect((await onlyStoredContent(running.dataDir)).equals(bytes)).toBe(true);
    });

    it.each<[string, Record<string, string>, string]>([
      ['a digest that does not fit', { 'Repr-Digest': `sha-256=:${'A'.repeat(43)}=:` }, 'DIGEST_MISMATCH'],
      ['a digest that is no digest', { 'Repr-Digest': 'sha-256=abc' }, 'VALIDATION_ERROR'],
      ['an encoded body', { 'Content-Encoding': 'gzip' }, 'UNSUPPORTED_MEDIA_TYPE'],
      ['a part of a file', { 'Content-Range': 'bytes 0-3/10' }, 'VALIDATION_ERROR'],
      ['a form', { 'Content-Type': MULTIPART_TYPE }, 'UNSUPPORTED_MEDIA_TYPE'],
      ['a type outside ASCII', { 'Content-Type': 'text/plain; a="\xe9"' }, 'VALIDATION_ERROR'],
      ['a malformed Content-Disposition', { 'Content-Disposition': '; x' }, 'VALIDATION_ERROR'],
    ])('refuses %s', async (_, headers, code) => {
      const answer = await put(randomUUID()).set('Content-Type', 'text/plain').set(headers).send('body');
      expect([answer.status, answer.body.code]).toEqual([
        code === 'UNSUPPORTED_MEDIA_TYPE' ? 415 : 400,
        code,
      ]);
      expect(await storedPaths(running.dataDir)).toEqual([]);
    });

    it('refuses an id that is no UUID', async () => {
      const answer = await put('abc').set('Content-Type', 'text/plain').send('body');
      expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_ERROR']);
    });
  });
});
