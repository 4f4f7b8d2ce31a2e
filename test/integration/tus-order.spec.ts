import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import request, { type Test } from 'supertest';
import { ServiceError } from '../../src/errors/service-error.js';
import { UploadPipeline } from '../../src/ingest/upload-pipeline.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/raw-client.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

type Headers = Record<string, string>;

const ABC = Buffer.from('abc');
const BODY_TYPE = 'application/offset+octet-stream';
const TYPED = { 'Content-Type': BODY_TYPE };
const UNTYPED = { 'Content-Type': 'text/plain' };

describe('what a tus request is refused for comes in order', () => {
  let running: RunningApp;
  let token: string;
  let tus: TusRequests;

  beforeAll(async () => {
    running = await startApp({ MAX_FILE_BYTES: '1000', RESUMABLE_MAX_UPLOADS_PER_CALLER: '20' });
    token = await running.token();
    tus = new TusRequests(running, token);
  });

  afterAll(() => running.close());

  const send = (method: 'post' | 'patch', path: string, headers: Headers, body: Buffer): Test => {
    const sent = request(running.url)[method](path).auth(token, { type: 'bearer' });
    return sent.set({ 'Tus-Resumable': '1.0.0', ...headers }).send(body);
  };

  const BAD_METADATA = { 'Upload-Metadata': 'a %%%' };
  const BAD_CONCAT = { 'Upload-Concat': 'half' };

  it.each<[string, Headers, number, string | undefined]>([
    ['lengths', { 'Upload-Length': 'x', ...BAD_METADATA, ...BAD_CONCAT, ...UNTYPED }, 400, 'Upload-Length'],
    ['no length', { ...BAD_METADATA, ...UNTYPED }, 400, 'Upload-Length'],
    ['the largest file', { 'Upload-Length': '1001', ...BAD_METADATA, ...UNTYPED }, 413, undefined],
    [
      'metadata',
      { 'Upload-Length': '2', ...BAD_METADATA, ...BAD_CONCAT, ...UNTYPED },
      400,
      'Upload-Metadata',
    ],
    ['concatenation', { 'Upload-Length': '2', ...BAD_CONCAT, ...UNTYPED }, 400, 'Upload-Concat'],
    ['the type of the body', { 'Upload-Length': '2', 'Upload-Checksum': 'x', ...UNTYPED }, 415, undefined],
    ['the bytes of the body', { 'Upload-Length': '2', 'Upload-Checksum': 'x', ...TYPED }, 413, undefined],
    ['the checksum', { 'Upload-Length': '3', 'Upload-Checksum': 'x', ...TYPED }, 400, 'Upload-Checksum'],
  ])('for a creation: %s', async (_, headers, status, field) => {
    const refused = await send('post', '/api/v1/uploads', headers, ABC);
    expect([refused.status, refused.body.errors?.[0].field]).toEqual([status, field]);
    expect(refused.headers).not.toHaveProperty('location');
  });

  it('for a creation: a body that no file can have, before anything is created', async () => {
    const headers = { 'Upload-Defer-Length': '1', ...TYPED };
    const refused = await send('post', '/api/v1/uploads', headers, Buffer.alloc(1001));
    expect([refused.status, refused.headers.location]).toEqual([413, undefined]);
  });

  it('for a creation: one that joins others takes no bytes', async () => {
    const part = await tus.create({ 'Upload-Length': '3', 'Upload-Concat': 'partial' }, ABC);
    const headers = { 'Upload-Concat': `final;${String(part.headers.location)}` };
    const refused = await send('post', '/api/v1/uploads', { ...headers, ...TYPED }, ABC);
    expect([refused.status, refused.headers.location]).toEqual([403, undefined]);
    await tus.create(headers).expect(201);
  });

  it('for more bytes: the kind of upload first', async () => {
    const part = await tus.begin(3, { 'Upload-Concat': 'partial' });
    const joined = await tus.create({ 'Upload-Concat': `final;${part}` });
    const path = pathOf(String(joined.headers.location));
    expect((await send('patch', path, { ...UNTYPED, 'Upload-Offset': 'x' }, ABC)).status).toBe(403);
  });

  const BAD_SUM = { 'Upload-Checksum': 'sha1' };

  it.each<[string, Headers, number, string | undefined]>([
    ['the type', { ...UNTYPED, 'Upload-Offset': 'x', ...BAD_SUM }, 415, undefined],
    ['no type', { 'Upload-Offset': 'x', 'Content-Type': '' }, 415, undefined],
    ['the offset', { ...TYPED, 'Upload-Offset': 'x', ...BAD_SUM }, 400, 'Upload-Offset'],
    ['no offset', { ...TYPED, ...BAD_SUM }, 400, 'Upload-Offset'],
    [
      'the checksum',
      { ...TYPED, 'Upload-Offset': '7', ...BAD_SUM, 'Upload-Length': 'x' },
      400,
      'Upload-Checksum',
    ],
    ['the length', { ...TYPED, 'Upload-Offset': '7', 'Upload-Length': 'x' }, 400, 'Upload-Length'],
    ['the largest file', { ...TYPED, 'Upload-Offset': '7', 'Upload-Length': '1001' }, 413, undefined],
    ['a length behind the offset', { ...TYPED, 'Upload-Offset': '7', 'Upload-Length': '1' }, 400, undefined],
    ['another offset', { ...TYPED, 'Upload-Offset': '7', 'Upload-Length': '4' }, 409, undefined],
    ['too many bytes', { ...TYPED, 'Upload-Offset': '2', 'Upload-Length': '4' }, 413, undefined],
  ])('for more bytes: %s', async (_, headers, status, field) => {
    const created = await tus.create({ 'Upload-Defer-Length': '1' }, Buffer.from('ab'));
    const location = String(created.headers.location);
    const refused = await send('patch', pathOf(location), headers, ABC);
    expect([refused.status, refused.body.errors?.[0].field]).toEqual([status, field]);
    expect(refused.headers['upload-offset']).toBe(status === 409 ? '2' : undefined);
    expect((await tus.head(location)).headers).toMatchObject({
      'upload-offset': '2',
      'upload-defer-length': '1',
    });
    await tus.remove(location).expect(204);
    expect((await send('patch', pathOf(location), headers, ABC)).status).toBe(410);
  });

  it('refuses another length than the one that is known', async () => {
    const location = await tus.begin(3);
    const other = await tus.patch(location, 0, ABC, { 'Upload-Length': '4' });
    expect([other.status, other.body.code]).toEqual([400, 'LENGTH_MISMATCH']);
    const larger = await tus.patch(location, 0, ABC, { 'Upload-Length': '1001' });
    expect([larger.status, larger.body.code]).toEqual([400, 'LENGTH_MISMATCH']);
    await tus.patch(location, 0, ABC, { 'Upload-Length': '3' }).expect(204);
  });

  const patchChunked = async (location: string, chunks: string): Promise<[number, string | undefined]> => {
    const client = await RawClient.connect(running.port);
    client.head(`PATCH ${pathOf(location)}`, {
      Authorization: `Bearer ${token}`,
      'Tus-Resumable': '1.0.0',
      'Upload-Offset': 3,
      'Transfer-Encoding': 'chunked',
      ...TYPED,
    });
    const { status, headers } = await client.send(`${chunks}0\r\n\r\n`).response();
    client.close();
    return [status, headers.get('upload-offset')];
  };

  it('gives the last answer to who has lost it, however long the body says that it is', async () => {
    const location = await tus.begin(3);
    await tus.patch(location, 0, ABC).expect(204);
    const again = await tus.patch(location, 3, Buffer.alloc(0));
    expect([again.status, again.headers['upload-offset']]).toEqual([204, '3']);
    expect(await patchChunked(location, '')).toEqual([204, '3']);
    expect((await tus.patch(location, 3, ABC)).status).toBe(413);
    expect(await patchChunked(location, '1\r\nd\r\n')).toEqual([413, undefined]);
    expect((await tus.receiptOf(location)).body).toMatchObject({ status: 'active', size: 3 });
  });

  it('has the phrase that tus has for a wrong checksum', async () => {
    const location = await tus.begin(3);
    for (const sum of [createHash('sha1').update('abd').digest('base64'), 'YQ==']) {
      const answer = await fetch(location, {
        method: 'PATCH',
        body: ABC,
        headers: {
          Authorization: `Bearer ${token}`,
          'Tus-Resumable': '1.0.0',
          'Upload-Offset': '0',
          'Upload-Checksum': `sha1 ${sum}`,
          ...TYPED,
        },
      });
      expect([answer.status, answer.statusText]).toEqual([460, 'Checksum Mismatch']);
      expect(await answer.json()).toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    }
    const sum = createHash('sha1').update(ABC).digest('base64');
    await tus.patch(location, 0, ABC, { 'Upload-Checksum': `sha1 ${sum}` }).expect(204);
  });

  it('finds what a key has created, whose file has found no place at first', async () => {
    const place = jest.spyOn(running.app.get(UploadPipeline), 'place');
    place.mockRejectedValueOnce(new ServiceError('NO_STORAGE_AVAILABLE', 'None.'));
    const keyed = { 'Idempotency-Key': '"one"', 'Upload-Length': '3' };
    expect((await tus.create(keyed, ABC)).status).toBe(503);
    const again = await tus.create(keyed, ABC);
    expect([again.status, again.headers['upload-offset']]).toEqual([201, '3']);
    await eventually(async () =>
      expect((await tus.receiptOf(String(again.headers.location))).body.status).toBe('active'),
    );
    place.mockRestore();
  });
});

it('joins uploads by the URLs that it has given, also behind a proxy that takes a path away', async () => {
  const running = await startApp({ PUBLIC_URL: 'https://example.com/in' });
  const tus = new TusRequests(running, await running.token());
  const bytes = randomBytes(6);
  const parts = await Promise.all(
    [bytes.subarray(0, 3), bytes.subarray(3)].map(async (piece) => {
      const part = await tus.create({ 'Upload-Length': '3', 'Upload-Concat': 'partial' }, piece);
      return String(part.headers.location);
    }),
  );
  expect(parts[0]).toMatch(/^https:\/\/example\.com\/in\/api\/v1\/uploads\//);
  const [one = '', two = ''] = parts;
  const id = (location: string): string => location.split('/').at(-1) ?? '';
  for (const urls of [`${one} ${two}`, `/in/api/v1/uploads/${id(one)} /api/uploads/${id(two)}`]) {
    const joined = await tus.create({ 'Upload-Concat': `final;${urls}` });
    expect(joined.status).toBe(201);
    const path = `/api/v1/files/${id(String(joined.headers.location))}`;
    const receipt = await tus.receiptOf(`http://x${path}`);
    expect(receipt.body.checksum).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
  for (const urls of [`https://example.com/out/api/v1/uploads/${id(one)}`, `/in/api/v2/uploads/${id(one)}`])
    expect((await tus.create({ 'Upload-Concat': `final;${urls}` })).status).toBe(400);
  await running.close();
});
