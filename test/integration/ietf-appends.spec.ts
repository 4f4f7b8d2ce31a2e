import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { IetfRequests, pathOf, progressIn } from '../support/ietf-requests.js';

const NOTHING = Buffer.alloc(0);
const LAST = { 'Upload-Complete': '?1' };
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const digestField = (algorithm: string, bytes: Buffer | string): string =>
  `${algorithm}=:${createHash(algorithm.replace('-', '')).update(bytes).digest('base64')}:`;
const problemType = (name: string): string => `https://iana.org/assignments/http-problem-types#${name}`;

describe("appending to an upload of the IETF's kind", () => {
  let running: RunningApp;
  let ietf: IetfRequests;

  beforeAll(async () => {
    running = await startApp({ MAX_FILE_BYTES: '1000000' });
    ietf = new IetfRequests(running, await running.token());
  });

  afterAll(() => running.close());

  it('takes pieces until one is the last', async () => {
    const bytes = randomBytes(900_000);
    const location = await ietf.begin();
    const pieces = [bytes.subarray(0, 5), bytes.subarray(5, 400_000)];
    expect(progressIn(await ietf.append(location, 0, pieces[0] ?? NOTHING))).toEqual([204, '?0', '5']);
    const second = await ietf.append(location, 5, pieces[1] ?? NOTHING);
    expect(progressIn(second)).toEqual([204, '?0', '400000']);
    expect(second.headers['upload-limit']).toMatch(/^max-size=1000000, max-age=\d+$/);
    const last = await ietf.append(location, 400_000, bytes.subarray(400_000), LAST);
    expect(progressIn(last)).toEqual([201, '?1', '900000']);
    expect(last.headers).toMatchObject({
      location,
      'content-location': location.replace('uploads', 'files'),
    });
    expect(last.body).toMatchObject({ size: 900_000, checksum: sha256(bytes), status: 'active' });
  });

  it('takes an empty last piece, and the length from it', async () => {
    const location = await ietf.begin();
    await ietf.append(location, 0, Buffer.from('abc')).expect(204);
    expect((await ietf.head(location)).headers['upload-length']).toBeUndefined();
    const last = await ietf.append(location, 3, NOTHING, LAST);
    expect(progressIn(last)).toEqual([201, '?1', '3']);
    expect((await ietf.head(location)).headers['upload-length']).toBe('3');
  });

  it('is not over by the length alone', async () => {
    const location = await ietf.begin({ 'Upload-Length': '3' });
    expect(progressIn(await ietf.append(location, 0, Buffer.from('abc')))).toEqual([204, '?0', '3']);
    expect(progressIn(await ietf.head(location))).toEqual([204, '?0', '3']);
    expect((await ietf.receiptOf(location)).body.status).not.toBe('active');
    expect(progressIn(await ietf.append(location, 3, NOTHING, LAST))).toEqual([201, '?1', '3']);
  });

  it('makes a file of no bytes of an empty last piece', async () => {
    const location = await ietf.begin();
    const last = await ietf.append(location, 0, NOTHING, LAST);
    expect(progressIn(last)).toEqual([201, '?1', '0']);
    expect(last.body).toMatchObject({ size: 0, checksum: sha256(NOTHING) });
  });

  it('gives the last answer again to who has lost it', async () => {
    const location = await ietf.begin();
    const first = await ietf.append(location, 0, Buffer.from('abc'), LAST);
    const again = await ietf.append(location, 3, NOTHING, LAST);
    expect(again.status).toBe(first.status);
    expect(again.body).toEqual(first.body);
    expect(progressIn(again)).toEqual(progressIn(first));
    const client = await ietf.appendChunked(location, 3, LAST);
    const chunked = await client.send('0\r\n\r\n').response();
    expect([chunked.status, chunked.headers.get('upload-offset')]).toEqual([201, '3']);
    client.close();
  });

  it('takes nothing for a complete upload', async () => {
    const location = await ietf.begin();
    await ietf.append(location, 0, Buffer.from('abc'), LAST).expect(201);
    const elsewhere = await ietf.append(location, 0, Buffer.from('abc'), LAST);
    expect(progressIn(elsewhere)).toEqual([409, '?0', '3']);
    const more = await ietf.append(location, 3, Buffer.from('d'), LAST);
    expect([more.status, more.body.code, more.headers['upload-complete']]).toEqual([
      400,
      'LENGTH_MISMATCH',
      '?1',
    ]);
    const client = await ietf.appendChunked(location, 3, LAST);
    const chunked = await client.send('1\r\nd\r\n0\r\n\r\n').response();
    expect([chunked.status, chunked.json().code]).toEqual([400, 'LENGTH_MISMATCH']);
    client.close();
    expect(progressIn(await ietf.head(location))).toEqual([204, '?1', '3']);
  });

  it.each([
    [{ 'Content-Type': 'application/octet-stream' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [{ 'Content-Type': '' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [{ 'Content-Type': 'application/partial-uploads' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [{ 'Content-Encoding': 'gzip' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [{ 'Upload-Offset': '' }, 400, 'VALIDATION_ERROR'],
    [{ 'Upload-Offset': '-1' }, 400, 'VALIDATION_ERROR'],
    [{ 'Upload-Offset': '3, 3' }, 400, 'VALIDATION_ERROR'],
    [{ 'Upload-Complete': '' }, 400, 'VALIDATION_ERROR'],
    [{ 'Upload-Complete': 'true' }, 400, 'VALIDATION_ERROR'],
    [{ 'Upload-Length': '11' }, 400, 'LENGTH_MISMATCH'],
    [{ 'Upload-Complete': '?1' }, 400, 'LENGTH_MISMATCH'],
    [{ 'Upload-Offset': '2' }, 409, 'OFFSET_MISMATCH'],
    [{ 'Upload-Offset': '4' }, 409, 'OFFSET_MISMATCH'],
    [{ 'Content-Digest': digestField('sha-256', 'other') }, 400, 'DIGEST_MISMATCH'],
    [{ 'Content-Digest': digestField('sha-512', 'other') }, 400, 'DIGEST_MISMATCH'],
    [{ 'Content-Digest': 'nonsense=(' }, 400, 'VALIDATION_ERROR'],
  ])('refuses %j, and goes on', async (headers, status, code) => {
    const location = await ietf.begin({ 'Upload-Length': '10' });
    await ietf.append(location, 0, Buffer.from('abc')).expect(204);
    const refused = await ietf.append(location, 3, Buffer.from('defg'), headers);
    expect([refused.status, refused.body.code]).toEqual([status, code]);
    expect(refused.headers).toMatchObject({
      'upload-complete': '?0',
      'upload-limit': expect.stringMatching(/^max-size=1000000, max-age=\d+$/),
    });
    expect(progressIn(await ietf.head(location))).toEqual([204, '?0', '3']);
    const rest = { ...LAST, 'Content-Digest': digestField('sha-256', 'defghij') };
    expect((await ietf.append(location, 3, Buffer.from('defghij'), rest)).body).toMatchObject({
      checksum: sha256(Buffer.from('abcdefghij')),
    });
  });

  it('says where to go on in the registered problem', async () => {
    const location = await ietf.begin();
    await ietf.append(location, 0, Buffer.from('abc')).expect(204);
    const refused = await ietf.append(location, 5, Buffer.from('x'));
    expect(progressIn(refused)).toEqual([409, '?0', '3']);
    expect(refused.body).toMatchObject({
      type: problemType('mismatching-upload-offset'),
      'expected-offset': 3,
      'provided-offset': 5,
      code: 'OFFSET_MISMATCH',
      retryable: true,
    });
  });

  it('learns the length from a piece', async () => {
    const location = await ietf.begin();
    await ietf.append(location, 0, Buffer.from('abc'), { 'Upload-Length': '5' }).expect(204);
    expect((await ietf.head(location)).headers['upload-length']).toBe('5');
    const other = await ietf.append(location, 3, Buffer.from('d'), { 'Upload-Length': '6' });
    expect(other.body).toMatchObject({
      code: 'LENGTH_MISMATCH',
      type: problemType('inconsistent-upload-length'),
    });
    const short = await ietf.begin();
    await ietf.append(short, 0, Buffer.from('abc')).expect(204);
    expect((await ietf.append(short, 3, NOTHING, { 'Upload-Length': '2' })).body.code).toBe(
      'LENGTH_MISMATCH',
    );
    expect((await ietf.append(short, 3, NOTHING, { 'Upload-Length': '1000001' })).status).toBe(413);
  });

  it.each([
    ['a known length', { 'Upload-Length': '5' }, 400, 'LENGTH_MISMATCH'],
    ['the largest file', {}, 413, 'FILE_TOO_LARGE'],
  ])('ends an upload that is sent more than %s in chunks', async (_, headers, status, code) => {
    const location = await ietf.begin(headers);
    await ietf.append(location, 0, Buffer.from('abc')).expect(204);
    const client = await ietf.appendChunked(location, 3, LAST);
    const size = 1_000_001;
    client
      .send(`${size.toString(16)}\r\n`)
      .send(Buffer.alloc(size))
      .send('\r\n0\r\n\r\n');
    const refused = await client.response();
    client.close();
    expect([refused.status, refused.json().code, refused.headers.get('upload-complete')]).toEqual([
      status,
      code,
      '?1',
    ]);
    const seen = await ietf.head(location);
    expect([seen.status, seen.headers['upload-complete']]).toEqual([410, '?1']);
    expect((await ietf.append(location, 3, Buffer.from('de'))).body.code).toBe('UPLOAD_ENDED');
  });

  it('ends an upload that is sent more than its length by declaration, without reading it', async () => {
    const location = await ietf.begin({ 'Upload-Length': '5' });
    const client = await ietf.connect(`PATCH ${pathOf(location)}`, {
      'Content-Type': 'application/partial-upload',
      'Upload-Offset': 0,
      'Upload-Complete': '?0',
      'Content-Length': 6,
      Expect: '100-continue',
    });
    const refused = await client.response();
    client.close();
    expect([refused.status, refused.json().code]).toEqual([400, 'LENGTH_MISMATCH']);
    expect((await ietf.head(location)).status).toBe(410);
  });

  it('keeps the bytes of a last piece in chunks that ends too soon', async () => {
    const location = await ietf.begin({ 'Upload-Length': '5' });
    const client = await ietf.appendChunked(location, 0, LAST);
    const refused = await client.send('3\r\nabc\r\n0\r\n\r\n').response();
    client.close();
    expect([refused.status, refused.json().code, refused.headers.get('upload-complete')]).toEqual([
      400,
      'LENGTH_MISMATCH',
      '?0',
    ]);
    expect(progressIn(await ietf.append(location, 3, Buffer.from('de'), LAST))).toEqual([201, '?1', '5']);
  });

  it('is refused once bytes are seen not to be of the declared type', async () => {
    const strict = await startApp({ ALLOWED_MEDIA_TYPES: 'image/png' });
    const dora = new IetfRequests(strict, await strict.token());
    const location = await dora.begin({ 'Content-Type': 'image/png' });
    await dora.append(location, 0, Buffer.from('%PDF-1.7\n')).expect(204);
    const refused = await dora.append(location, 9, Buffer.alloc(5_000));
    expect([refused.status, refused.headers['upload-complete']]).toEqual([415, '?1']);
    expect((await dora.head(location)).status).toBe(410);
    const other = await dora.create({ 'Upload-Complete': '?0', 'Content-Type': 'image/gif' });
    expect([other.status, other.headers['upload-complete']]).toEqual([415, '?1']);
    await strict.close();
  });

  it('is asked for by HEAD and GET', async () => {
    const location = await ietf.begin({ 'Upload-Length': '7' });
    for (const seen of [await ietf.head(location), await ietf.get(location)]) {
      expect(progressIn(seen)).toEqual([204, '?0', '0']);
      expect(seen.headers).toMatchObject({ 'upload-length': '7', 'cache-control': 'no-store' });
    }
    for (const [name, value] of [
      ['Upload-Offset', '0'],
      ['Upload-Complete', '?0'],
    ] as const) {
      const headers = { [name]: value };
      expect((await ietf.head(location, headers)).status).toBe(400);
      expect((await ietf.get(location, headers)).body.code).toBe('VALIDATION_ERROR');
    }
  });

  it('is found by nobody else', async () => {
    const location = await ietf.begin();
    const bob = new IetfRequests(running, await running.token({ sub: 'bob' }));
    expect((await bob.head(location)).status).toBe(404);
    expect((await bob.append(location, 0, Buffer.from('x'))).status).toBe(404);
    expect((await bob.remove(location)).status).toBe(404);
    expect((await ietf.head(location.replace(/[^/]+$/, 'nonsense'))).status).toBe(404);
  });

  it('is removed, and stays so', async () => {
    const location = await ietf.begin();
    const removed = await ietf.remove(location);
    expect([removed.status, removed.headers['upload-complete']]).toEqual([204, undefined]);
    for (const after of [await ietf.head(location), await ietf.remove(location)])
      expect([after.status, after.headers['upload-complete']]).toEqual([410, '?1']);
    expect((await ietf.append(location, 0, Buffer.from('x'))).body.code).toBe('UPLOAD_ENDED');
  });

  it('ends the request that brings bytes when it is removed', async () => {
    const location = await ietf.begin();
    const client = await ietf.appendChunked(location, 0, { ...LAST, Expect: '100-continue' });
    expect((await client.response()).status).toBe(100);
    client.send('3\r\nabc\r\n');
    expect((await ietf.remove(location)).status).toBe(204);
    expect((await client.response()).status).toBe(409);
    client.close();
    expect((await ietf.head(location)).status).toBe(410);
  });

  it('serves clients of interop version 5 without a media type', async () => {
    const version = { 'Upload-Draft-Interop-Version': '5', 'Content-Type': '' };
    const location = await ietf.begin(version);
    expect(progressIn(await ietf.append(location, 0, Buffer.from('abc'), version))).toEqual([204, '?0', '3']);
    expect(progressIn(await ietf.append(location, 3, NOTHING, { ...version, ...LAST }))).toEqual([
      201,
      '?1',
      '3',
    ]);
  });
});
