import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { IetfRequests, locationIn, progressIn } from '../support/ietf-requests.js';

const LAST = { 'Upload-Complete': '?1' };
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a raw upload that can be resumed', () => {
  let running: RunningApp;
  let ietf: IetfRequests;

  beforeAll(async () => {
    running = await startApp();
    ietf = new IetfRequests(running, await running.token());
  });

  afterAll(() => running.close());

  const uploadOf = (id: string): string => `${running.url}/api/v1/uploads/${id}`;

  /** A raw upload of `length` bytes of which these came before its connection was cut. */
  async function cutOff(id: string, bytes: Buffer, length: number): Promise<void> {
    const client = await ietf.connect(`PUT /api/v1/files/${id}`, {
      'Content-Length': length,
      Expect: '100-continue',
      'Upload-Draft-Interop-Version': 8,
      ...LAST,
    });
    const interim = await client.response();
    expect([interim.status, interim.headers.get('location')]).toEqual([
      104,
      `http://ingester/api/v1/uploads/${id}`,
    ]);
    expect((await client.response()).status).toBe(100);
    await client.sendSlowly(bytes, 65_536);
    client.socket.end();
    await client.untilClosed();
  }

  it('is an upload of the same id beside the file', async () => {
    const id = randomUUID();
    const bytes = randomBytes(100_000);
    const headers = {
      ...LAST,
      'Content-Type': 'text/plain',
      'Content-Disposition': 'inline; filename="a.txt"',
    };
    const answer = await ietf.put(id.toUpperCase(), headers, bytes);
    expect(progressIn(answer)).toEqual([201, '?1', '100000']);
    expect(answer.headers).toMatchObject({
      location: uploadOf(id),
      'content-location': `${running.url}/api/v1/files/${id}`,
    });
    expect(answer.body).toMatchObject({
      upload_id: id,
      original_filename: 'a.txt',
      content_type: 'text/plain',
      checksum: sha256(bytes),
    });
    expect((await ietf.receiptOf(uploadOf(id))).body).toEqual(answer.body);
    expect(progressIn(await ietf.head(uploadOf(id)))).toEqual([204, '?1', '100000']);
  });

  it.each<Record<string, string>>([
    {},
    { 'Upload-Complete': 'true' },
    { 'Upload-Draft-Interop-Version': '8' },
  ])('is none with %j', async (headers) => {
    const id = randomUUID();
    const answer = await ietf.put(id, headers, Buffer.from('abc'));
    expect(progressIn(answer)).toEqual([201, undefined, undefined]);
    expect(answer.headers).not.toHaveProperty('location');
    expect(answer.headers).not.toHaveProperty('upload-limit');
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect((await ietf.head(uploadOf(id))).status).toBe(404);
  });

  it('goes on at its upload', async () => {
    const id = randomUUID();
    const begun = await ietf.put(id, { 'Upload-Complete': '?0', 'Upload-Length': '6' }, Buffer.from('abc'));
    expect(progressIn(begun)).toEqual([201, '?0', '3']);
    const last = await ietf.append(locationIn(begun), 3, Buffer.from('def'), LAST);
    expect(last.body).toMatchObject({ upload_id: id, checksum: sha256(Buffer.from('abcdef')) });
  });

  it('tells who sends it again where to go on', async () => {
    const id = randomUUID();
    const bytes = randomBytes(300_000);
    await cutOff(id, bytes.subarray(0, 200_000), bytes.length);
    const again = await ietf.put(id, LAST, bytes);
    expect(progressIn(again)).toEqual([409, '?0', '200000']);
    expect([again.body.code, again.headers.location]).toEqual(['OFFSET_MISMATCH', uploadOf(id)]);
    const last = await ietf.append(locationIn(again), 200_000, bytes.subarray(200_000), LAST);
    expect(last.body).toMatchObject({ upload_id: id, checksum: sha256(bytes) });
  });

  it('begins anew while nothing of it has come', async () => {
    const id = randomUUID();
    await cutOff(id, Buffer.alloc(0), 3);
    expect(progressIn(await ietf.put(id, LAST, Buffer.from('abc')))).toEqual([201, '?1', '3']);
  });

  it('is compared with what is there when it is sent again as a whole', async () => {
    const id = randomUUID();
    const first = await ietf.put(id, LAST, Buffer.from('abc'));
    const again = await ietf.put(id, LAST, Buffer.from('abc'));
    expect(progressIn(again)).toEqual([200, '?1', '3']);
    expect(again.body).toEqual(first.body);
    const other = await ietf.put(id, LAST, Buffer.from('abd'));
    expect([other.status, other.body.code, other.headers['upload-complete']]).toEqual([
      409,
      'CONFLICT',
      '?1',
    ]);
    const piece = await ietf.put(id, { 'Upload-Complete': '?0' }, Buffer.from('abc'));
    expect(progressIn(piece)).toEqual([409, '?0', '3']);
  });

  it.each([
    ['abc', 200, undefined],
    ['abd', 409, 'CONFLICT'],
  ])('is compared with a file that came without: %s', async (text, status, code) => {
    const id = randomUUID();
    await ietf.put(id, {}, Buffer.from('abc')).expect(201);
    const again = await ietf.put(id, LAST, Buffer.from(text));
    expect([again.status, again.body.code, again.headers['upload-complete']]).toEqual([status, code, '?1']);
  });

  it('is not that of another caller, nor of another protocol, nor one that was removed', async () => {
    const bob = new IetfRequests(running, await running.token({ sub: 'bob' }));
    const id = randomUUID();
    await bob.put(id, { 'Upload-Complete': '?0' }).expect(201);
    const taken = await ietf.put(id, LAST, Buffer.from('abc'));
    expect([taken.status, taken.body.code, taken.headers['upload-complete']]).toEqual([
      409,
      'CONFLICT',
      '?1',
    ]);
    await bob.remove(uploadOf(id)).expect(204);
    const gone = await bob.put(id, LAST, Buffer.from('abc'));
    expect([gone.status, gone.headers['upload-complete']]).toEqual([410, '?1']);
    const tus = await fetch(`${running.url}/api/v1/uploads`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${ietf.token}`, 'Tus-Resumable': '1.0.0', 'Upload-Length': '3' },
    });
    const tusId = String(tus.headers.get('location')).split('/').at(-1) ?? '';
    expect((await ietf.put(tusId, LAST, Buffer.from('abc'))).body.code).toBe('CONFLICT');
    expect((await ietf.put('nonsense', LAST, Buffer.from('abc'))).body.code).toBe('VALIDATION_ERROR');
  });
});
