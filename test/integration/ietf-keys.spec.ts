import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { IetfRequests, locationIn, progressIn } from '../support/ietf-requests.js';
import { TusRequests } from '../support/tus-requests.js';

const ABC = Buffer.from('abc');
const LAST = { 'Upload-Complete': '?1' };
const NOT_LAST = { 'Upload-Complete': '?0' };
const digestOf = (text: string): string => `sha-256=:${createHash('sha256').update(text).digest('base64')}:`;

const key = () => ({ 'Idempotency-Key': `"${randomUUID()}"` });

describe("a creation of the IETF's kind that may be sent again", () => {
  let running: RunningApp;
  let ietf: IetfRequests;

  beforeAll(async () => {
    running = await startApp();
    ietf = new IetfRequests(running, await running.token());
  });

  afterAll(() => running.close());

  it('is the same upload again, wherever it is', async () => {
    const headers = { ...NOT_LAST, ...key(), 'Upload-Length': '6' };
    const first = await ietf.create(headers, ABC);
    expect(progressIn(first)).toEqual([201, '?0', '3']);
    const again = await ietf.create(headers, ABC);
    expect([progressIn(again), again.headers.location]).toEqual([[201, '?0', '3'], locationIn(first)]);
    await ietf.append(locationIn(first), 3, Buffer.from('def'), LAST).expect(201);
    const late = await ietf.create(headers, ABC);
    expect([progressIn(late), late.headers.location]).toEqual([[201, '?1', '6'], locationIn(first)]);
  });

  it('gives the receipt again to who sent all bytes', async () => {
    const headers = { ...LAST, ...key() };
    const first = await ietf.create(headers, ABC);
    const again = await ietf.create(headers, ABC);
    expect(progressIn(again)).toEqual([200, '?1', '3']);
    expect(again.body).toEqual(first.body);
    expect(again.headers).toMatchObject({
      location: locationIn(first),
      'content-location': first.headers['content-location'],
    });
  });

  it('tells who sends all bytes again where to go on', async () => {
    const headers = { ...LAST, ...key() };
    // More than is collected in memory: what has come shows in the list.
    const bytes = randomBytes(200_000);
    const half = bytes.length / 2;
    const client = await ietf.connect('POST /api/v1/uploads', {
      'Content-Length': bytes.length,
      Expect: '100-continue',
      ...headers,
    });
    expect((await client.response()).status).toBe(100);
    client.send(bytes.subarray(0, half));
    await eventually(async () => {
      const list = await fetch(`${running.url}/api/v1/uploads`, {
        headers: { Authorization: `Bearer ${ietf.token}` },
      });
      expect(await list.json()).toMatchObject({ uploads: [{ offset: half }] });
    });
    const again = await ietf.create(headers, bytes);
    expect([progressIn(again), again.body.code]).toEqual([[409, '?0', String(half)], 'OFFSET_MISMATCH']);
    const last = await ietf.append(locationIn(again), half, bytes.subarray(half), LAST);
    client.close();
    expect(last.body.checksum).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it.each<[string, Record<string, string>, string]>([
    ['other bytes', {}, 'abd'],
    ['more bytes', {}, 'abcd'],
    ['another name', { 'Content-Disposition': 'attachment; filename=b' }, 'abc'],
    ['another type', { 'Content-Type': 'text/css' }, 'abc'],
  ])('is none of %s', async (_, others, text) => {
    const headers = { ...LAST, ...key(), 'Content-Disposition': 'attachment; filename=a' };
    const first = await ietf.create(headers, ABC);
    const other = await ietf.create({ ...headers, ...others }, Buffer.from(text));
    expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    expect(other.headers['upload-complete']).toBe('?1');
    expect((await ietf.receiptOf(locationIn(first))).body).toEqual(first.body);
  });

  it('is none of another length, protocol or caller', async () => {
    const headers = { ...NOT_LAST, ...key(), 'Upload-Length': '6' };
    const location = await ietf.begin(headers);
    expect((await ietf.create({ ...headers, 'Upload-Length': '7' })).status).toBe(422);
    const tus = new TusRequests(running, ietf.token);
    const fromTus = { 'Idempotency-Key': headers['Idempotency-Key'], 'Upload-Length': '6' };
    expect((await tus.create(fromTus)).status).toBe(422);
    const bob = new IetfRequests(running, await running.token({ sub: 'bob' }));
    expect(await bob.begin(headers)).not.toBe(location);
    const tusFirst = key();
    await tus.create({ ...tusFirst, 'Upload-Length': '6' }).expect(201);
    expect((await ietf.create({ ...NOT_LAST, ...tusFirst })).status).toBe(422);
  });

  it('goes on under its key when it failed at first', async () => {
    const headers = { ...LAST, ...key() };
    const failed = await ietf.create({ ...headers, 'Content-Digest': digestOf('abd') }, ABC);
    expect([failed.status, failed.body.code, failed.headers['upload-complete']]).toEqual([
      400,
      'DIGEST_MISMATCH',
      '?0',
    ]);
    const again = await ietf.create({ ...headers, 'Content-Digest': digestOf('abc') }, ABC);
    expect(progressIn(again)).toEqual([201, '?1', '3']);
    expect(again.headers.location).toBe(failed.headers.location);
  });

  it('needs a good key', async () => {
    const refused = await ietf.create({ ...NOT_LAST, 'Idempotency-Key': '"a", "b"' });
    expect([refused.status, refused.body.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect(refused.headers).toMatchObject({
      'upload-complete': '?0',
      'upload-limit': expect.stringContaining('max-size='),
    });
  });
});
