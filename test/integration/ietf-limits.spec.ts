import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { IetfRequests, locationIn, progressIn } from '../support/ietf-requests.js';

type Expected = readonly [status: number, code: string | undefined];

const LAST = { 'Upload-Complete': '?1' };
const NOT_LAST = { 'Upload-Complete': '?0' };
const bytes = (count: number): Buffer => Buffer.alloc(count, 'a');

describe("the limits of single requests to an upload of the IETF's kind", () => {
  let running: RunningApp;
  let ietf: IetfRequests;

  beforeAll(async () => {
    running = await startApp({
      MAX_FILE_BYTES: '1000',
      RESUMABLE_MAX_APPEND_BYTES: '100',
      RESUMABLE_MIN_APPEND_BYTES: '10',
    });
    ietf = new IetfRequests(running, await running.token());
  });

  afterAll(() => running.close());

  it('are on every answer', async () => {
    const limits = 'max-size=1000, max-append-size=100, min-append-size=10';
    const options = await fetch(`${running.url}/api/v1/uploads`, { method: 'OPTIONS' });
    expect(options.headers.get('upload-limit')).toBe(`${limits}, max-age=86400`);
    const location = await ietf.begin();
    for (const answer of [
      await ietf.head(location),
      await ietf.append(location, 0, bytes(10)),
      await ietf.append(location, 0, bytes(10)),
    ])
      expect(answer.headers['upload-limit']).toMatch(new RegExp(`^${limits}, max-age=\\d+$`));
    const last = await ietf.append(location, 10, bytes(1), LAST);
    expect(last.headers['upload-limit']).toBe(limits);
  });

  it.each<[string, Record<string, string>, number, Expected]>([
    ['nothing', NOT_LAST, 0, [201, undefined]],
    ['as few as may be', NOT_LAST, 10, [201, undefined]],
    ['as many as may be', NOT_LAST, 100, [201, undefined]],
    ['fewer, the last ones', LAST, 3, [201, undefined]],
    ['none, the last ones', { ...LAST, 'Content-Length': '0' }, 0, [201, undefined]],
    ['fewer', NOT_LAST, 9, [400, 'APPEND_TOO_SMALL']],
    ['more', NOT_LAST, 101, [413, 'APPEND_TOO_LARGE']],
    ['more, the last ones', LAST, 101, [413, 'APPEND_TOO_LARGE']],
    ['more than its length', { ...NOT_LAST, 'Upload-Length': '50' }, 101, [400, 'LENGTH_MISMATCH']],
    ['more than a file has', NOT_LAST, 1001, [413, 'FILE_TOO_LARGE']],
    ['more, of another coding', { ...NOT_LAST, 'Content-Encoding': 'gzip' }, 101, [413, 'APPEND_TOO_LARGE']],
  ])('hold for creations that bring %s', async (_, headers, count, expected) => {
    const created = await ietf.create(headers, count > 0 ? bytes(count) : undefined);
    expect([created.status, created.body?.code]).toEqual(expected);
    if (created.status >= 400) expect(created.headers).toMatchObject({ 'upload-complete': '?0' });
  });

  it.each<[string, Record<string, string>, number, Expected]>([
    ['as few as may be', {}, 10, [204, undefined]],
    ['as many as may be', {}, 100, [204, undefined]],
    ['fewer, the last ones', LAST, 3, [201, undefined]],
    ['none, the last ones', LAST, 0, [201, undefined]],
    ['none', {}, 0, [400, 'APPEND_TOO_SMALL']],
    ['fewer', {}, 9, [400, 'APPEND_TOO_SMALL']],
    ['more', {}, 101, [413, 'APPEND_TOO_LARGE']],
    ['more, at another offset', { 'Upload-Offset': '7' }, 101, [409, 'OFFSET_MISMATCH']],
    ['more, of another length', { 'Upload-Length': '1000' }, 101, [413, 'APPEND_TOO_LARGE']],
  ])('hold for requests that bring %s', async (_, headers, count, expected) => {
    const location = await ietf.begin();
    const sent = await ietf.append(location, 0, bytes(count), headers);
    expect([sent.status, sent.body?.code]).toEqual(expected);
    if (sent.status >= 400) expect(progressIn(await ietf.head(location))).toEqual([204, '?0', '0']);
  });

  it('come before the length of the file, whose upload goes on', async () => {
    const location = await ietf.begin({ 'Upload-Length': '100' });
    await ietf.append(location, 0, bytes(50)).expect(204);
    expect((await ietf.append(location, 50, bytes(101))).body.code).toBe('APPEND_TOO_LARGE');
    await ietf.append(location, 50, bytes(50), LAST).expect(201);
    // The last answer is asked again.
    await ietf.append(location, 100, bytes(0)).expect(201);
  });

  it('are counted where a body does not say how long it is; what was taken stays', async () => {
    const location = await ietf.begin();
    const client = await ietf.appendChunked(location, 0, NOT_LAST);
    const piece = `32\r\n${'a'.repeat(50)}\r\n`;
    const refused = await client.send(piece).send(piece).send(`1\r\na\r\n0\r\n\r\n`).response();
    client.close();
    expect([refused.status, refused.json().code]).toEqual([413, 'APPEND_TOO_LARGE']);
    expect(refused.headers.get('upload-complete')).toBe('?0');
    const offset = Number((await ietf.head(location)).headers['upload-offset']);
    expect(offset).toBeLessThanOrEqual(100);
    const few = await ietf.appendChunked(location, offset, NOT_LAST);
    expect((await few.send('1\r\na\r\n0\r\n\r\n').response()).status).toBe(204);
    few.close();
    expect(progressIn(await ietf.head(location))).toEqual([204, '?0', String(offset + 1)]);
  });
});

it('takes requests of any size where nothing is set', async () => {
  const running = await startApp();
  const ietf = new IetfRequests(running, await running.token());
  const created = await ietf.create(NOT_LAST, bytes(1));
  expect(created.headers['upload-limit']).toMatch(/^max-size=\d+, max-age=\d+$/);
  expect(progressIn(await ietf.append(locationIn(created), 1, bytes(0)))).toEqual([204, '?0', '1']);
  await running.close();
});
