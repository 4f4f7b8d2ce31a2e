import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { IetfRequests, locationIn, pathOf, progressIn } from '../support/ietf-requests.js';

const NOTHING = Buffer.alloc(0);
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const digestField = (algorithm: string, bytes: Buffer | string): string =>
  `${algorithm}=:${createHash(algorithm.replace('-', '')).update(bytes).digest('base64')}:`;
const LENGTHS = 'https://iana.org/assignments/http-problem-types#inconsistent-upload-length';

describe("creating an upload of the IETF's kind", () => {
  let running: RunningApp;
  let ietf: IetfRequests;

  beforeAll(async () => {
    running = await startApp({ MAX_FILE_BYTES: '1000000', RESUMABLE_MAX_IDLE_MS: '3600000' });
    ietf = new IetfRequests(running, await running.token());
  });

  afterAll(() => running.close());

  it('answers one without bytes with where it is', async () => {
    const created = await ietf.create({ 'Upload-Complete': '?0' });
    expect(progressIn(created)).toEqual([201, '?0', '0']);
    expect(created.headers).toMatchObject({
      location: expect.stringMatching(
        new RegExp(`^http://127\\.0\\.0\\.1:${running.port}/api/v1/uploads/[0-9a-f-]{36}$`),
      ),
      'upload-limit': expect.stringMatching(/^max-size=1000000, max-age=3(?:600|599)$/),
    });
    expect(created.headers['upload-draft-interop-version']).toBeUndefined();
    expect(progressIn(await ietf.head(locationIn(created)))).toEqual([204, '?0', '0']);
  });

  it('takes the bytes that come with it', async () => {
    const created = await ietf.create({ 'Upload-Complete': '?0', 'Upload-Length': '10' }, Buffer.from('abc'));
    expect(progressIn(created)).toEqual([201, '?0', '3']);
    const seen = await ietf.head(locationIn(created));
    expect(progressIn(seen)).toEqual([204, '?0', '3']);
    expect(seen.headers['upload-length']).toBe('10');
  });

  it('answers one with all bytes as a raw upload', async () => {
    const bytes = randomBytes(300_000);
    const created = await ietf.create(
      {
        'Upload-Complete': '?1',
        'Content-Type': 'application/pdf',
        'Content-Disposition': "attachment; filename*=UTF-8''%D0%9E%D1%82%D1%87%D1%91%D1%82.pdf",
      },
      bytes,
    );
    const location = locationIn(created);
    expect(progressIn(created)).toEqual([201, '?1', '300000']);
    expect(created.headers).toMatchObject({
      'content-location': location.replace('/uploads/', '/files/'),
      'upload-limit': 'max-size=1000000',
    });
    expect(created.body).toMatchObject({
      upload_id: location.split('/').at(-1),
      original_filename: 'Отчёт.pdf',
      content_type: 'application/pdf',
      size: 300_000,
      checksum: sha256(bytes),
      status: 'active',
    });
    expect((await ietf.receiptOf(location)).body).toEqual(created.body);
    const seen = await ietf.head(location);
    expect(progressIn(seen)).toEqual([204, '?1', '300000']);
    expect(seen.headers).toMatchObject({ 'upload-length': '300000', 'upload-limit': 'max-size=1000000' });
  });

  it.each([
    ['whose length is declared', { 'Content-Length': '0' }],
    ['whose length is declared twice', { 'Content-Length': '0', 'Upload-Length': '0' }],
  ])('makes a file of no bytes of a complete one, %s', async (_, headers) => {
    const created = await ietf.create({ 'Upload-Complete': '?1', ...headers });
    expect(progressIn(created)).toEqual([201, '?1', '0']);
    expect(created.body).toMatchObject({ size: 0, checksum: sha256(NOTHING), status: 'active' });
  });

  it.each([
    [{ 'Upload-Complete': '?1', 'Upload-Length': '4' }, 400, 'LENGTH_MISMATCH'],
    [{ 'Upload-Complete': '?1', 'Upload-Length': '2' }, 400, 'LENGTH_MISMATCH'],
    [{ 'Upload-Complete': '?0', 'Upload-Length': '2' }, 400, 'LENGTH_MISMATCH'],
    [{ 'Upload-Complete': '?1', 'Upload-Length': '1000001' }, 413, 'FILE_TOO_LARGE'],
    [{ 'Upload-Complete': '?0', 'Upload-Length': '1000001' }, 413, 'FILE_TOO_LARGE'],
    [{ 'Upload-Complete': 'true' }, 400, 'VALIDATION_ERROR'],
    [{ 'Upload-Complete': '?1, ?1' }, 400, 'VALIDATION_ERROR'],
    [{ 'Upload-Draft-Interop-Version': '9' }, 400, 'VALIDATION_ERROR'],
    [{ 'Upload-Complete': '?1', 'Content-Encoding': 'gzip' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [{ 'Upload-Complete': '?1', 'Content-Disposition': 'attachment; filename="a' }, 400, 'VALIDATION_ERROR'],
    [{ 'Upload-Complete': '?1', 'Repr-Digest': 'sha-256=abc' }, 400, 'VALIDATION_ERROR'],
    [{ 'Upload-Complete': '?1', 'Content-Digest': 'sha-256=:AAAA:' }, 400, 'VALIDATION_ERROR'],
  ])('refuses %j', async (headers, status, code) => {
    const refused = await ietf.create(headers, Buffer.from('abc'));
    expect([refused.status, refused.body.code]).toEqual([status, code]);
    expect(refused.headers['upload-limit']).toMatch(/^max-size=1000000, max-age=3600$/);
    expect(refused.headers['upload-complete']).toBe(status === 415 ? '?1' : '?0');
    if (code === 'LENGTH_MISMATCH') expect(refused.body.type).toBe(LENGTHS);
  });

  it('passes over a length that is none', async () => {
    const headers = { 'Upload-Complete': '?0', 'Upload-Length': '1.5' };
    const seen = await ietf.head(locationIn(await ietf.create(headers)));
    expect(seen.headers['upload-length']).toBeUndefined();
  });

  it('keeps to the limit of open uploads, and takes none of those that fail for one', async () => {
    const few = await startApp({ RESUMABLE_MAX_UPLOADS_PER_CALLER: '2' });
    const carol = new IetfRequests(few, await few.token());
    const wrong = { 'Upload-Complete': '?1', 'Content-Digest': digestField('sha-256', 'other') };
    for (let round = 0; round < 3; round += 1)
      expect((await carol.create(wrong, Buffer.from('abc'))).body.code).toBe('DIGEST_MISMATCH');
    const locations = [await carol.begin(), await carol.begin()];
    const refused = await carol.create({ 'Upload-Complete': '?0' });
    expect([refused.status, refused.body.code]).toEqual([429, 'RATE_LIMITED']);
    await carol.remove(locations[0] ?? '');
    await carol.begin();
    await few.close();
  });

  it('is for callers who may upload alone', async () => {
    const reader = new IetfRequests(running, await running.token({ role: 'readonly' }));
    expect((await reader.create({ 'Upload-Complete': '?0' })).status).toBe(403);
  });

  it.each(['9', '8', '7', '6'])(
    'tells a client of interop version %s which it was served in',
    async (version) => {
      const headers = { 'Upload-Draft-Interop-Version': version };
      const created = await ietf.create({ 'Upload-Complete': '?0', ...headers });
      expect(created.headers['upload-draft-interop-version']).toBe(version);
      const seen = await ietf.head(locationIn(created), headers);
      expect(seen.headers['upload-draft-interop-version']).toBe(version);
    },
  );

  it.each(['5', '3', '10', 'x', '9, 9'])(
    'serves a client of version %s without a word of it',
    async (version) => {
      const created = await ietf.create({ 'Upload-Complete': '?0', 'Upload-Draft-Interop-Version': version });
      expect(progressIn(created)).toEqual([201, '?0', '0']);
      expect(created.headers['upload-draft-interop-version']).toBeUndefined();
    },
  );

  it('names uploads by the public URL, and by what a trusted proxy was asked', async () => {
    const [named, trusting] = await Promise.all([
      startApp({ PUBLIC_URL: 'https://example.com/in' }),
      startApp({ TRUSTED_PROXIES: '127.0.0.1' }),
    ]);
    const first = await new IetfRequests(named, await named.token()).begin();
    expect(first).toMatch(/^https:\/\/example\.com\/in\/api\/v1\/uploads\//);
    const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'files.example' };
    const second = await new IetfRequests(trusting, await trusting.token()).begin(forwarded);
    expect(second).toMatch(/^https:\/\/files\.example\/api\/v1\/uploads\//);
    expect(pathOf(await ietf.begin(forwarded))).toMatch(/^\/api\/v1\/uploads\//);
    expect(await ietf.begin(forwarded)).toContain('127.0.0.1');
    const client = new IetfRequests(trusting, await trusting.token());
    const standard = { Forwarded: 'for="[2001:db8::1]";Proto=HTTPS;host="files.example:8443", host=inner' };
    expect(await client.begin(standard)).toMatch(/^https:\/\/files\.example:8443\/api\/v1\/uploads\//);
    expect(await client.begin({ ...standard, ...forwarded })).toMatch(/^https:\/\/files\.example\/api\//);
    expect(await client.begin({ Forwarded: 'host="a/b";proto=ftp' })).toContain('http://127.0.0.1');
    expect(await ietf.begin(standard)).toContain('http://127.0.0.1');
    await Promise.all([named.close(), trusting.close()]);
  });
});
