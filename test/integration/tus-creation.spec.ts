import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type RunningApp, startApp } from '../support/app.js';
import { metadataOf, pathOf, TusRequests } from '../support/tus-requests.js';

const UPLOADS = /^http:\/\/127\.0\.0\.1:\d+\/api\/v1\/uploads\/[\da-f-]{36}$/;

describe('a tus creation', () => {
  let running: RunningApp;
  let tus: TusRequests;
  let other: TusRequests;

  beforeAll(async () => {
    running = await startApp({
      MAX_FILE_BYTES: '1000000',
      RESUMABLE_MAX_UPLOADS_PER_CALLER: '50',
      RESUMABLE_MAX_BYTES_PER_CALLER: '3000000',
    });
    tus = new TusRequests(running, await running.token());
    other = new TusRequests(running, await running.token({ sub: 'bob' }));
  });

  afterAll(() => running.close());

  it('gives where the upload is, and when it is given up', async () => {
    const { status, headers } = await tus.create({ 'Upload-Length': '10' });
    expect(status).toBe(201);
    expect(headers).toMatchObject({ 'tus-resumable': '1.0.0', 'content-length': '0' });
    expect(headers.location).toMatch(UPLOADS);
    const inMs = Date.parse(String(headers['upload-expires'])) - Date.now();
    expect(Math.abs(inMs - 86_400_000)).toBeLessThan(60_000);
    expect(headers).not.toHaveProperty('upload-offset');
    await tus.remove(String(headers.location)).expect(204);
  });

  it('is of version 1.0.0, and says so where it is not', async () => {
    for (const version of ['0.2.2', '1.0.1', 'yes']) {
      const answer = await request(running.url)
        .post('/api/v1/uploads')
        .auth(await running.token(), { type: 'bearer' })
        .set({ 'Tus-Resumable': version, 'Upload-Length': '10' });
      expect(answer.status).toBe(412);
      expect(answer.headers).toMatchObject({ 'tus-version': '1.0.0', 'tus-resumable': '1.0.0' });
    }
  });

  it('without a version is known by its length, and refused', async () => {
    const answer = await request(running.url)
      .post('/api/v1/uploads')
      .auth(await running.token(), { type: 'bearer' })
      .set({ 'Upload-Length': '10' });
    expect(answer.status).toBe(412);
    expect(answer.body).toMatchObject({ code: 'TUS_VERSION_UNSUPPORTED' });
  });

  it('needs a token, and the permission to upload', async () => {
    await request(running.url).post('/api/v1/uploads').set('Tus-Resumable', '1.0.0').expect(401);
    const reader = new TusRequests(running, await running.token({ role: 'nobody', scope: 'files:read' }));
    const { status } = await reader.create({ 'Upload-Length': '10' });
    expect(status).toBe(403);
  });

  it.each<[string, Record<string, string>, number, string]>([
    ['no length', {}, 400, 'VALIDATION_ERROR'],
    ['both lengths', { 'Upload-Length': '1', 'Upload-Defer-Length': '1' }, 400, 'VALIDATION_ERROR'],
    ['another deferral', { 'Upload-Defer-Length': '2' }, 400, 'VALIDATION_ERROR'],
    ['a negative length', { 'Upload-Length': '-1' }, 400, 'VALIDATION_ERROR'],
    ['a word', { 'Upload-Length': 'ten' }, 400, 'VALIDATION_ERROR'],
    ['a length that no number holds', { 'Upload-Length': '9007199254740993' }, 400, 'VALIDATION_ERROR'],
    ['too many bytes', { 'Upload-Length': '1000001' }, 413, 'FILE_TOO_LARGE'],
    [
      'metadata that is no base64',
      { 'Upload-Length': '1', 'Upload-Metadata': 'a %%%' },
      400,
      'VALIDATION_ERROR',
    ],
    ['a key twice', { 'Upload-Length': '1', 'Upload-Metadata': 'a YQ==,a YQ==' }, 400, 'VALIDATION_ERROR'],
    ['an empty key', { 'Upload-Length': '1', 'Upload-Metadata': 'a YQ==,' }, 400, 'VALIDATION_ERROR'],
    [
      'a wrong field',
      { 'Upload-Length': '1', 'Upload-Metadata': metadataOf({ ttl_days: '0' }) },
      400,
      'VALIDATION_ERROR',
    ],
    [
      'a wrong checksum',
      { 'Upload-Length': '1', 'Upload-Metadata': metadataOf({ sha256: '12' }) },
      400,
      'VALIDATION_ERROR',
    ],
    ['an unknown concatenation', { 'Upload-Length': '1', 'Upload-Concat': 'half' }, 400, 'VALIDATION_ERROR'],
    [
      'a joined one with a length',
      { 'Upload-Length': '1', 'Upload-Concat': 'final;/x' },
      400,
      'VALIDATION_ERROR',
    ],
    [
      'a part of another service',
      { 'Upload-Concat': 'final;http://elsewhere/files/1' },
      400,
      'VALIDATION_ERROR',
    ],
  ])('refuses %s', async (_, headers, status, code) => {
    const answer = await tus.create(headers);
    expect(answer.status).toBe(status);
    expect(answer.headers['tus-resumable']).toBe('1.0.0');
    expect(answer.headers).not.toHaveProperty('location');
    expect(answer.body).toMatchObject({ status, code });
  });

  it('takes a body with it, of the type that tus has for that', async () => {
    const bytes = randomBytes(1000);
    const half = await tus.create({ 'Upload-Length': '1000' }, bytes.subarray(0, 400));
    expect(half.status).toBe(201);
    expect(half.headers['upload-offset']).toBe('400');
    const location = String(half.headers.location);
    const rest = await tus.patch(location, 400, bytes.subarray(400));
    expect(rest.status).toBe(204);
    expect(rest.headers['upload-offset']).toBe('1000');
    const receipt = await tus.receiptOf(location);
    expect(receipt.body).toMatchObject({
      size: 1000,
      checksum: createHash('sha256').update(bytes).digest('hex'),
      status: 'active',
      original_filename: 'unnamed',
      content_type: 'application/octet-stream',
    });
  });

  it('may be the whole upload', async () => {
    const bytes = randomBytes(300_000);
    const { status, headers } = await tus.create({ 'Upload-Length': '300000' }, bytes);
    expect(status).toBe(201);
    expect(headers['upload-offset']).toBe('300000');
    expect(headers).not.toHaveProperty('upload-expires');
    const receipt = await tus.receiptOf(String(headers.location));
    expect(receipt.body).toMatchObject({ size: 300_000, status: 'active' });
  });

  it('refuses a body of another type before anything is created', async () => {
    const answer = await request(running.url)
      .post('/api/v1/uploads')
      .auth(await running.token(), { type: 'bearer' })
      .set({ 'Tus-Resumable': '1.0.0', 'Upload-Length': '3', 'Content-Type': 'text/plain' })
      .send('abc');
    expect(answer.status).toBe(415);
    expect(answer.headers).not.toHaveProperty('location');
  });

  it('does not mind the type of a body that is not there', async () => {
    const answer = await request(running.url)
      .post('/api/v1/uploads')
      .auth(await running.token(), { type: 'bearer' })
      .set({
        'Tus-Resumable': '1.0.0',
        'Upload-Length': '3',
        'Content-Type': 'application/x-www-form-urlencoded',
      });
    expect(answer.status).toBe(201);
    await tus.remove(String(answer.headers.location));
  });

  it('refuses a body that is larger than the length', async () => {
    const answer = await tus.create({ 'Upload-Length': '2' }, Buffer.from('abc'));
    expect(answer.status).toBe(413);
    expect(answer.headers).not.toHaveProperty('location');
  });

  it('of no bytes is complete at once, and a file', async () => {
    const { status, headers } = await tus.create({
      'Upload-Length': '0',
      'Upload-Metadata': metadataOf({ filename: 'empty.txt' }),
    });
    expect(status).toBe(201);
    const receipt = await tus.receiptOf(String(headers.location));
    expect(receipt.body).toMatchObject({ size: 0, status: 'active', original_filename: 'empty.txt' });
  });

  it('says what the file is: its name, type and fields, and what else there is', async () => {
    const raw = metadataOf({
      filename: 'Отчёт.pdf',
      filetype: 'application/pdf',
      description: 'a report',
      retention_policy: 'permanent',
      tags: '["a","b"]',
      metadata: '{"project":{"id":12345678901234567890}}',
      relativePath: 'docs/Отчёт.pdf',
      __proto__x: 'y',
    });
    const { headers } = await tus.create(
      { 'Upload-Length': '3', 'Upload-Metadata': `${raw},is_confidential` },
      Buffer.from('abc'),
    );
    const head = await tus.head(String(headers.location));
    expect(head.headers['upload-metadata']).toBe(`${raw},is_confidential`);
    const receipt = await tus.receiptOf(String(headers.location));
    expect(receipt.body).toMatchObject({
      original_filename: 'Отчёт.pdf',
      content_type: 'application/pdf',
      description: 'a report',
      retention_policy: 'permanent',
      tags: ['a', 'b'],
      metadata: { relativePath: 'docs/Отчёт.pdf', __proto__x: 'y', is_confidential: '' },
    });
    expect(receipt.text).toContain('12345678901234567890');
  });

  it('that declares another checksum than its bytes have ends without a file', async () => {
    const metadata = metadataOf({ sha256: createHash('sha256').update('abd').digest('hex') });
    const location = await tus.begin(3, { 'Upload-Metadata': metadata });
    const last = await tus.patch(location, 0, Buffer.from('abc'));
    expect(last.status).toBe(400);
    expect(last.body).toMatchObject({ code: 'DIGEST_MISMATCH' });
    await tus.head(location).expect(410);
    expect((await tus.receiptOf(location)).body).toMatchObject({ status: 'dead', checksum: null });
  });

  it('is the same one again where its key says that it is repeated', async () => {
    const keyed = (headers: Record<string, string>, body?: Buffer): ReturnType<typeof tus.create> =>
      tus.create({ 'Idempotency-Key': '"lost-answer"', ...headers }, body);
    const first = await keyed({ 'Upload-Length': '6' }, Buffer.from('abc'));
    const again = await keyed({ 'Upload-Length': '6' }, Buffer.from('abc'));
    expect(again.status).toBe(201);
    expect(again.headers).toMatchObject({ location: first.headers.location, 'upload-offset': '3' });
    expect((await keyed({ 'Upload-Length': '7' })).body).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    const others = await other.create({ 'Idempotency-Key': 'lost-answer', 'Upload-Length': '6' });
    expect(others.headers.location).not.toBe(first.headers.location);
    await other.remove(String(others.headers.location));
    const location = String(first.headers.location);
    await tus.patch(location, 3, Buffer.from('def')).expect(204);
    const late = await keyed({ 'Upload-Length': '6' });
    expect(late.headers).toMatchObject({ location, 'upload-offset': '6' });
    expect((await tus.receiptOf(location)).body).toMatchObject({ size: 6, status: 'active' });
  });

  it('is limited in number and in bytes for each caller', async () => {
    const begun = await Promise.all([1, 2, 3].map(() => other.begin(1_000_000)));
    const more = await other.create({ 'Upload-Length': '1' });
    expect(more.status).toBe(429);
    expect(more.headers).toHaveProperty('retry-after');
    await other.remove(begun[0] ?? '').expect(204);
    await other.begin(1);
    expect(begun.map((each) => pathOf(each))).toHaveLength(3);
  });
});
