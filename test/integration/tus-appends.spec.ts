import { createHash, randomBytes } from 'node:crypto';
import { readdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/raw-client.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const HALF = 150_000;

describe('bytes for a tus upload', () => {
  let running: RunningApp;
  let token: string;
  let tus: TusRequests;

  beforeAll(async () => {
    running = await startApp({ MAX_FILE_BYTES: '100000000' });
    token = await running.token();
    tus = new TusRequests(running, token);
  });

  afterAll(() => running.close());

  /** A request of a client that does not wait for the end of its own body. */
  async function beginPatch(
    location: string,
    offset: number,
    headers: Record<string, string | number>,
  ): Promise<RawClient> {
    const client = await RawClient.connect(running.port);
    return client.head(`PATCH ${pathOf(location)}`, {
      Authorization: `Bearer ${token}`,
      'Tus-Resumable': '1.0.0',
      'Upload-Offset': offset,
      'Content-Type': 'application/offset+octet-stream',
      ...headers,
    });
  }

  const offsetOf = async (location: string): Promise<number> =>
    Number((await tus.head(location)).headers['upload-offset']);

  it('come in as many requests as the client likes, and become one file', async () => {
    const bytes = randomBytes(3_000_000);
    const location = await tus.begin(bytes.length);
    let offset = 0;
    for (const size of [1, 0, 65_536, 1_000_000, 1_934_463]) {
      const answer = await tus.patch(location, offset, bytes.subarray(offset, offset + size));
      offset += size;
      expect(answer.status).toBe(204);
      expect(answer.headers['upload-offset']).toBe(String(offset));
    }
    const receipt = await tus.receiptOf(location);
    expect(receipt.body).toMatchObject({ size: bytes.length, checksum: sha256(bytes), status: 'active' });
  });

  it('are refused at another offset, without a byte written', async () => {
    const location = await tus.begin(10);
    await tus.patch(location, 0, Buffer.from('abc'));
    for (const offset of [0, 2, 4, 10]) {
      const answer = await tus.patch(location, offset, Buffer.from('xyz'));
      expect(answer.status).toBe(409);
      expect(answer.headers['upload-offset']).toBe('3');
      expect(answer.body).toMatchObject({
        code: 'OFFSET_MISMATCH',
        'expected-offset': 3,
        'provided-offset': offset,
      });
    }
    expect(await offsetOf(location)).toBe(3);
  });

  it.each<[string, Record<string, string>, number]>([
    ['of another type', { 'Content-Type': 'application/octet-stream' }, 415],
    ['without an offset', { 'Upload-Offset': '' }, 400],
    ['with a word for an offset', { 'Upload-Offset': 'one' }, 400],
    ['with a checksum of one word', { 'Upload-Checksum': 'sha1' }, 400],
    ['with an unknown checksum', { 'Upload-Checksum': 'sha3 YWJj' }, 400],
    ['with a checksum that is no base64', { 'Upload-Checksum': 'sha1 %%%' }, 400],
    ['with another length', { 'Upload-Length': '11' }, 400],
    ['with a length that is none', { 'Upload-Length': 'x' }, 400],
  ])('are refused %s', async (_, headers, status) => {
    const location = await tus.begin(10);
    const answer = await tus.patch(location, 0, Buffer.from('abc'), headers);
    expect(answer.status).toBe(status);
    expect(await offsetOf(location)).toBe(0);
  });

  it('are refused where they are more than the upload has room for', async () => {
    const location = await tus.begin(10);
    await tus.patch(location, 0, Buffer.from('abc'));
    expect((await tus.patch(location, 3, Buffer.from('12345678'))).status).toBe(413);
    const chunked = await beginPatch(location, 3, { 'Transfer-Encoding': 'chunked' });
    chunked.send('5\r\n12345\r\n5\r\n12345\r\n0\r\n\r\n');
    expect((await chunked.response()).status).toBe(413);
    // Nothing of that request stays, as it cannot be what the client meant.
    expect(await offsetOf(location)).toBe(3);
    expect((await tus.patch(location, 3, Buffer.from('defghij'))).status).toBe(204);
    expect((await tus.receiptOf(location)).body).toMatchObject({
      checksum: sha256(Buffer.from('abcdefghij')),
    });
  });

  it('stay when the client leaves in the middle of them', async () => {
    const bytes = randomBytes(2 * HALF);
    const location = await tus.begin(bytes.length);
    const client = await beginPatch(location, 0, { 'Content-Length': bytes.length });
    client.send(bytes.subarray(0, HALF));
    await eventually(async () => expect(await bytesOnDisk(location)).toBe(HALF));
    client.reset();
    await eventually(async () => expect(await offsetOf(location)).toBe(HALF));
    expect((await tus.patch(location, HALF, bytes.subarray(HALF))).status).toBe(204);
    expect((await tus.receiptOf(location)).body).toMatchObject({ checksum: sha256(bytes) });
  });

  it('are ended by a client that comes back while its old connection is half open', async () => {
    const bytes = randomBytes(2 * HALF);
    const location = await tus.begin(bytes.length);
    const stale = await beginPatch(location, 0, { 'Content-Length': bytes.length });
    stale.send(bytes.subarray(0, HALF));
    await eventually(async () => expect(await bytesOnDisk(location)).toBe(HALF));
    expect(await offsetOf(location)).toBe(HALF);
    expect((await stale.response()).status).toBe(409);
    // What the old connection still brings counts for nothing.
    stale.send(bytes.subarray(HALF, HALF + 1000));
    expect((await tus.patch(location, HALF, bytes.subarray(HALF))).status).toBe(204);
    expect((await tus.receiptOf(location)).body).toMatchObject({ checksum: sha256(bytes) });
    stale.close();
  });

  it('of a repeated last request, whose answer was lost, are not missed', async () => {
    const location = await tus.begin(3);
    await tus.patch(location, 0, Buffer.from('abc')).expect(204);
    const again = await tus.patch(location, 3, Buffer.alloc(0));
    expect(again.status).toBe(204);
    expect(again.headers['upload-offset']).toBe('3');
    expect((await tus.patch(location, 3, Buffer.from('d'))).status).toBe(413);
    expect((await tus.patch(location, 0, Buffer.from('abc'))).status).toBe(409);
  });

  it('may come before the length is known', async () => {
    const created = await tus.create({ 'Upload-Defer-Length': '1' });
    const location = String(created.headers.location);
    await tus.patch(location, 0, Buffer.from('abc')).expect(204);
    const before = await tus.head(location);
    expect(before.headers).toMatchObject({ 'upload-offset': '3', 'upload-defer-length': '1' });
    expect(before.headers).not.toHaveProperty('upload-length');
    expect((await tus.patch(location, 3, Buffer.from('d'), { 'Upload-Length': '2' })).status).toBe(400);
    expect((await tus.patch(location, 3, Buffer.from('d'), { 'Upload-Length': '100000001' })).status).toBe(
      413,
    );
    await tus.patch(location, 3, Buffer.from('d'), { 'Upload-Length': '5' }).expect(204);
    const after = await tus.head(location);
    expect(after.headers).toMatchObject({ 'upload-offset': '4', 'upload-length': '5' });
    expect(after.headers).not.toHaveProperty('upload-defer-length');
    await tus.patch(location, 4, Buffer.from('e')).expect(204);
    expect((await tus.receiptOf(location)).body).toMatchObject({ size: 5, status: 'active' });
  });

  it('are complete when the length that is said at last is there already', async () => {
    const created = await tus.create({ 'Upload-Defer-Length': '1' }, Buffer.from('abc'));
    const location = String(created.headers.location);
    await tus.patch(location, 3, Buffer.alloc(0), { 'Upload-Length': '3' }).expect(204);
    expect((await tus.receiptOf(location)).body).toMatchObject({ size: 3, status: 'active' });
  });

  it.each([
    ['sha1', 'qZk+NkcGgWq6PiVxeFDCbJzQ2J0='],
    ['sha256', 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='],
    ['md5', 'kAFQmDzST7DWlj99KOF/cg=='],
    ['crc32', 'NSRBwg=='],
  ])('are checked by their %s', async (algorithm, sum) => {
    const location = await tus.begin(3);
    const wrong = await tus.patch(location, 0, Buffer.from('abd'), {
      'Upload-Checksum': `${algorithm} ${sum}`,
    });
    expect(wrong.status).toBe(460);
    expect(wrong.body).toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    const short = await tus.patch(location, 0, Buffer.from('abc'), {
      'Upload-Checksum': `${algorithm} YWJj`,
    });
    expect(short.status).toBe(460);
    expect(await offsetOf(location)).toBe(0);
    await tus
      .patch(location, 0, Buffer.from('abc'), { 'Upload-Checksum': `${algorithm} ${sum}` })
      .expect(204);
    expect((await tus.receiptOf(location)).body).toMatchObject({ size: 3, status: 'active' });
  });

  it('are checked by a checksum that comes behind them', async () => {
    const location = await tus.begin(6);
    const send = async (offset: number, body: string, sum: string): Promise<number> => {
      const client = await beginPatch(location, offset, {
        'Transfer-Encoding': 'chunked',
        Trailer: 'Upload-Checksum',
      });
      client.send(`${body.length.toString(16)}\r\n${body}\r\n0\r\n${sum}\r\n`);
      const { status } = await client.response();
      client.close();
      return status;
    };
    const sum = (body: string): string =>
      `Upload-Checksum: sha1 ${createHash('sha1').update(body).digest('base64')}\r\n`;
    expect(await send(0, 'abc', sum('abd'))).toBe(460);
    expect(await send(0, 'abc', '')).toBe(400);
    expect(await offsetOf(location)).toBe(0);
    expect(await send(0, 'abc', sum('abc'))).toBe(204);
    expect(await send(3, 'def', sum('def'))).toBe(204);
    expect((await tus.receiptOf(location)).body).toMatchObject({ checksum: sha256(Buffer.from('abcdef')) });
  });

  it('that were to be checked are dropped when the client leaves in the middle', async () => {
    const bytes = randomBytes(2 * HALF);
    const location = await tus.begin(bytes.length);
    const sum = createHash('sha1').update(bytes).digest('base64');
    const client = await beginPatch(location, 0, {
      'Content-Length': bytes.length,
      'Upload-Checksum': `sha1 ${sum}`,
    });
    client.send(bytes.subarray(0, HALF));
    await eventually(async () =>
      expect((await namesOf(location)).some((name) => name.endsWith('.staged'))).toBe(true),
    );
    client.reset();
    await eventually(async () =>
      expect((await namesOf(location)).some((name) => name.endsWith('.staged'))).toBe(false),
    );
    expect(await offsetOf(location)).toBe(0);
  });

  async function namesOf(location: string): Promise<string[]> {
    return readdir(folderOf(location));
  }

  function folderOf(location: string): string {
    return join(running.dataDir, 'spool', 'uploads', pathOf(location).split('/').at(-1) ?? '');
  }

  async function bytesOnDisk(location: string): Promise<number> {
    const names = (await namesOf(location)).filter((name) => name.endsWith('.seg'));
    const sizes = await Promise.all(
      names.map(async (name) => (await stat(join(folderOf(location), name))).size),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  it('keep the upload alive', async () => {
    const location = await tus.begin(10);
    const before = Date.parse(String((await tus.head(location)).headers['upload-expires']));
    const earlier = new Date(Date.now() - 3_600_000);
    await utimes(join(folderOf(location), 'info'), earlier, earlier);
    const answer = await tus.patch(location, 0, Buffer.from('abc'));
    expect(Date.parse(String(answer.headers['upload-expires']))).toBeGreaterThanOrEqual(before);
  });
});
