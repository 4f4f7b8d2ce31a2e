import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { metadataOf, pathOf, TusRequests } from '../support/tus-requests.js';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a joined tus upload', () => {
  let running: RunningApp;
  let tus: TusRequests;
  let other: TusRequests;

  beforeAll(async () => {
    running = await startApp({ MAX_FILE_BYTES: '1000000', ALLOWED_MEDIA_TYPES: 'text/plain' });
    tus = new TusRequests(running, await running.token());
    other = new TusRequests(running, await running.token({ sub: 'bob' }));
  });

  afterAll(() => running.close());

  /** A part that has its bytes. */
  async function part(bytes: Buffer, by = tus): Promise<string> {
    const { headers, status } = await by.create(
      { 'Upload-Length': String(bytes.length), 'Upload-Concat': 'partial' },
      bytes,
    );
    expect(status).toBe(201);
    return String(headers.location);
  }

  const join = (
    urls: readonly string[],
    headers: Record<string, string> = {},
  ): ReturnType<typeof tus.create> =>
    tus.create({
      'Upload-Concat': `final;${urls.join(' ')}`,
      'Upload-Metadata': metadataOf({ filename: 'a.txt', filetype: 'text/plain' }),
      ...headers,
    });

  it('has the bytes of its parts, in the order in which they are named', async () => {
    const [one, two] = [randomBytes(100_000).toString('hex'), randomBytes(10).toString('hex')];
    const urls = [await part(Buffer.from(one)), await part(Buffer.from(two))];
    const created = await join([urls[1] ?? '', urls[0] ?? '', pathOf(urls[1] ?? '')]);
    expect(created.status).toBe(201);
    const location = String(created.headers.location);
    const whole = Buffer.from(two + one + two);
    expect((await tus.receiptOf(location)).body).toMatchObject({
      size: whole.length,
      checksum: sha256(whole),
      original_filename: 'a.txt',
      status: 'active',
    });
    const head = await tus.head(location);
    expect(head.headers).toMatchObject({
      'upload-offset': String(whole.length),
      'upload-length': String(whole.length),
      'upload-concat': `final;${urls[1]} ${urls[0]} ${pathOf(urls[1] ?? '')}`,
    });
    expect((await tus.patch(location, whole.length, Buffer.from('x'))).status).toBe(403);
    // Its parts can be used again.
    expect((await join([urls[0] ?? ''])).status).toBe(201);
  });

  it('shows parts as what they are, and they are no files', async () => {
    const location = await part(Buffer.from('abc'));
    const { headers } = await tus.head(location);
    expect(headers).toMatchObject({ 'upload-concat': 'partial', 'upload-offset': '3' });
    expect(headers).toHaveProperty('upload-expires');
    await tus.receiptOf(location).expect(404);
  });

  it('may be created before its parts are complete, and completes with the last of them', async () => {
    const first = await part(Buffer.from('abc'));
    const created = await tus.create({ 'Upload-Defer-Length': '1', 'Upload-Concat': 'partial' });
    const second = String(created.headers.location);
    const joined = await join([first, second]);
    expect(joined.status).toBe(201);
    const location = String(joined.headers.location);
    await tus.patch(second, 0, Buffer.from('de')).expect(204);
    const before = await tus.head(location);
    expect(before.headers).toMatchObject({ 'upload-offset': '5', 'upload-defer-length': '1' });
    await tus.patch(second, 2, Buffer.from('f'), { 'Upload-Length': '3' }).expect(204);
    expect((await tus.receiptOf(location)).body).toMatchObject({
      size: 6,
      checksum: sha256(Buffer.from('abcdef')),
    });
  });

  it('is gone when one of its parts is', async () => {
    const urls = [await part(Buffer.from('abc')), await tus.begin(3, { 'Upload-Concat': 'partial' })];
    const location = String((await join(urls)).headers.location);
    await tus.remove(urls[1] ?? '').expect(204);
    await tus.head(location).expect(410);
    expect((await join(urls)).status).toBe(410);
  });

  it('is only of partial uploads of the same caller, and no larger than a file may be', async () => {
    const whole = await tus.begin(3, { 'Upload-Metadata': metadataOf({ type: 'text/plain' }) });
    expect((await join([whole])).status).toBe(400);
    expect((await join([await part(Buffer.from('abc'), other)])).status).toBe(404);
    expect((await join([])).status).toBe(400);
    const large = await part(Buffer.alloc(600_000, 'x'));
    expect((await join([large, large])).status).toBe(413);
    const one = await part(Buffer.from('abc'));
    expect((await join([one], { 'Upload-Length': '3' })).status).toBe(400);
  });

  it('is looked at as one file, whatever its parts are said to be', async () => {
    const url = await part(Buffer.from('%PDF-1.7 not text'));
    const answer = await join([url]);
    expect(answer.status).toBe(415);
  });
});
