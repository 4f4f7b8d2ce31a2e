import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { UploadFence } from '../../src/resumption/upload-fence.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { IetfRequests, pathOf, progressIn } from '../support/ietf-requests.js';
import type { RawClient, RawResponse } from '../support/raw-client.js';

const MIB = 1024 ** 2;
const BYTES = 80 * MIB;
const LAST = { 'Upload-Complete': '?1' };
const NEWEST = { 'Upload-Draft-Interop-Version': '9' };

describe("bytes that come to an upload of the IETF's kind", () => {
  let running: RunningApp;
  let ietf: IetfRequests;
  const bytes = randomBytes(BYTES);
  const checksum = createHash('sha256').update(bytes).digest('hex');

  beforeAll(async () => {
    running = await startApp();
    ietf = new IetfRequests(running, await running.token());
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  afterAll(() => running.close());

  /** Sends all bytes, and gives what came back: interim responses, and the last one. */
  async function send(client: RawClient, from = 0): Promise<[RawResponse[], RawResponse]> {
    for (let at = from; at < BYTES; at += MIB)
      if (!client.socket.write(bytes.subarray(at, at + MIB))) await once(client.socket, 'drain');
    const interim: RawResponse[] = [];
    for (;;) {
      const response = await client.response();
      if (response.status >= 200) return [interim, response];
      interim.push(response);
    }
  }

  const append = (location: string, offset: number, headers: Record<string, string>): Promise<RawClient> =>
    ietf.connect(`PATCH ${pathOf(location)}`, {
      'Content-Type': 'application/partial-upload',
      'Content-Length': BYTES - offset,
      'Upload-Offset': offset,
      ...LAST,
      ...headers,
    });

  /** What interim responses say of the offset, and that they say nothing else. */
  function offsetsIn(interim: readonly RawResponse[], start: number): void {
    expect(interim.map(({ status }) => status)).toEqual(interim.map(() => 104));
    const offsets = interim.map(({ headers }) => Number(headers.get('upload-offset')));
    expect(offsets.length).toBeGreaterThanOrEqual(1);
    expect(offsets.length).toBeLessThanOrEqual((BYTES - start) / (16 * MIB));
    expect(offsets).toEqual(offsets.toSorted((one, other) => one - other));
    for (const offset of offsets) {
      expect(offset).toBeGreaterThan(start + 16 * MIB);
      expect(offset).toBeLessThanOrEqual(BYTES);
    }
    for (const { headers } of interim)
      expect([...headers.keys()]).toEqual(['upload-offset', 'upload-draft-interop-version']);
  }

  it('are told while more come, as far as they are durable', async () => {
    const location = await ietf.begin();
    const client = await append(location, 0, NEWEST);
    const [interim, last] = await send(client);
    client.close();
    offsetsIn(interim, 0);
    expect(last.json().checksum).toBe(checksum);
  });

  it('are told with those that were there before', async () => {
    const location = await ietf.begin();
    await ietf.append(location, 0, bytes.subarray(0, 10 * MIB)).expect(204);
    const client = await append(location, 10 * MIB, NEWEST);
    const [interim, last] = await send(client, 10 * MIB);
    client.close();
    offsetsIn(interim, 10 * MIB);
    expect(last.json().checksum).toBe(checksum);
  });

  it('are told after it was said where the upload is, which is said once', async () => {
    const client = await ietf.connect('POST /api/v1/uploads', {
      'Content-Length': BYTES,
      ...LAST,
      ...NEWEST,
    });
    const [[first, ...interim], last] = await send(client);
    client.close();
    expect(first?.headers.get('location')).toBe(last.headers.get('location'));
    offsetsIn(interim, 0);
  });

  it('are told to nobody who does not expect that', async () => {
    const client = await append(await ietf.begin(), 0, { 'Upload-Draft-Interop-Version': '5' });
    const [interim, last] = await send(client);
    client.close();
    expect([interim.length, last.status]).toEqual([0, 201]);
  });

  it('are told to nobody while they are checked, or while somebody else has the upload', async () => {
    const digest = `sha-256=:${Buffer.from(checksum, 'hex').toString('base64')}:`;
    const checked = await append(await ietf.begin(), 0, { ...NEWEST, 'Content-Digest': digest });
    const [interim, last] = await send(checked);
    checked.close();
    expect([interim.length, last.status]).toEqual([0, 201]);
    const location = await ietf.begin();
    const client = await append(location, 0, { ...NEWEST, Expect: '100-continue' });
    expect((await client.response()).status).toBe(100);
    const holds = jest.spyOn(running.app.get(UploadFence), 'holds').mockResolvedValue(false);
    const [none, refused] = await send(client);
    client.close();
    expect(holds).toHaveBeenCalled();
    expect([none.length, refused.status]).toEqual([0, 409]);
    holds.mockRestore();
    expect(progressIn(await ietf.head(location))).toEqual([204, '?0', String(BYTES)]);
  });

  it('have the connection closed of whom we stop who was told of some', async () => {
    const location = await ietf.begin();
    const client = await append(location, 0, NEWEST);
    // What was on its way is reset.
    const closed = client.untilClosed().catch(() => undefined);
    for (let at = 0; at < 60 * MIB; at += MIB)
      if (!client.socket.write(bytes.subarray(at, at + MIB))) await once(client.socket, 'drain');
    const told = await client.response();
    expect(told.status).toBe(104);
    const seen = await ietf.head(location);
    expect(Number(seen.headers['upload-offset'])).toBeGreaterThanOrEqual(
      Number(told.headers.get('upload-offset')),
    );
    await closed;
    expect(client.rest).not.toContain('HTTP/1.1 4');
  });
});
