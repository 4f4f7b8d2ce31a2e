import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { IetfRequests, progressIn } from '../support/ietf-requests.js';

type Expected = readonly [status: number, code: string];

const BYTES = Buffer.alloc(60, 'a');
const NO_OFFSET = { 'Upload-Offset': '' };
const NO_COMPLETE = { 'Upload-Complete': '' };
const OTHER_TYPE = { 'Content-Type': 'text/plain' };

describe("what a request of the IETF's kind is refused for comes in order", () => {
  let running: RunningApp;
  let ietf: IetfRequests;

  beforeAll(async () => {
    running = await startApp({ MAX_FILE_BYTES: '1000', RESUMABLE_MAX_APPEND_BYTES: '50' });
    ietf = new IetfRequests(running, await running.token());
  });

  afterAll(() => running.close());

  it.each<[string, Record<string, string>, Expected]>([
    ['the largest file', { 'Upload-Length': '1001', 'Upload-Complete': '?1' }, [413, 'FILE_TOO_LARGE']],
    ['lengths', { 'Upload-Length': '10', 'Upload-Complete': '?1' }, [400, 'LENGTH_MISMATCH']],
    ['lengths of a piece', { 'Upload-Length': '10', 'Upload-Complete': '?0' }, [400, 'LENGTH_MISMATCH']],
    [
      'the largest request',
      { 'Upload-Complete': '?0', 'Content-Encoding': 'gzip' },
      [413, 'APPEND_TOO_LARGE'],
    ],
  ])('for a creation: %s', async (_, headers, expected) => {
    const type = { 'Content-Type': 'multipart/mixed' };
    const refused = await ietf.create({ ...type, ...headers }, BYTES);
    expect([refused.status, refused.body.code]).toEqual(expected);
    expect(refused.headers).toMatchObject({
      'upload-complete': '?0',
      'upload-limit': 'max-size=1000, max-append-size=50, max-age=86400',
    });
  });

  it.each<[string, Record<string, string>, Expected]>([
    ['the type', { ...OTHER_TYPE, ...NO_OFFSET, ...NO_COMPLETE }, [415, 'UNSUPPORTED_MEDIA_TYPE']],
    ['no offset', { ...NO_OFFSET, ...NO_COMPLETE, 'Upload-Length': '9' }, [400, 'VALIDATION_ERROR']],
    [
      'no completeness',
      { ...NO_COMPLETE, 'Upload-Offset': '7', 'Upload-Length': '9' },
      [400, 'VALIDATION_ERROR'],
    ],
    ['another length', { 'Upload-Offset': '7', 'Upload-Length': '9' }, [400, 'LENGTH_MISMATCH']],
    ['another offset', { 'Upload-Offset': '7' }, [409, 'OFFSET_MISMATCH']],
    ['the largest request', {}, [413, 'APPEND_TOO_LARGE']],
  ])('for more bytes: %s', async (_, headers, expected) => {
    const location = await ietf.begin({ 'Upload-Length': '30' });
    const refused = await ietf.append(location, 0, BYTES, headers);
    expect([refused.status, refused.body.code]).toEqual(expected);
    expect(refused.headers).toMatchObject({
      'upload-complete': '?0',
      'upload-limit': expect.stringMatching(/^max-size=1000, max-append-size=50, max-age=\d+$/),
    });
    expect(progressIn(await ietf.head(location))).toEqual([204, '?0', '0']);
  });

  it('for more bytes: at last that the file has fewer, which ends the upload', async () => {
    const location = await ietf.begin({ 'Upload-Length': '30' });
    const refused = await ietf.append(location, 0, BYTES.subarray(0, 40));
    expect([refused.status, refused.body.code, refused.headers['upload-complete']]).toEqual([
      400,
      'LENGTH_MISMATCH',
      '?1',
    ]);
    expect((await ietf.head(location)).status).toBe(410);
  });
});
