import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ActiveUploads } from '../../src/ingest/active-uploads.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { IetfRequests, locationIn, pathOf, progressIn } from '../support/ietf-requests.js';
import { RawClient, type RawResponse } from '../support/raw-client.js';
import { storedPaths } from '../support/stored-files.js';

const NOTHING = Buffer.alloc(0);
const LAST = { 'Upload-Complete': '?1' };
const NEWEST = { 'Upload-Draft-Interop-Version': '9' };
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe("an upload of the IETF's kind", () => {
  let dataDir: string;
  let running: RunningApp;
  let ietf: IetfRequests;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-ietf-'));
    await start();
  });

  afterEach(async () => {
    await running.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(variables: Record<string, string> = {}): Promise<void> {
    running = await startApp({ DATA_DIR: dataDir, SHUTDOWN_DRAIN_DELAY_MS: '0', ...variables });
    ietf = new IetfRequests(running, await running.token());
  }

  async function restart(variables: Record<string, string> = {}): Promise<void> {
    await running.close();
    await start(variables);
  }

  /** A creation that is under way: it was announced, and the client told to go on. */
  async function announced(bytes: number, headers: Record<string, string> = NEWEST): Promise<Announced> {
    const client = await ietf.connect('POST /api/v1/uploads', {
      'Content-Length': bytes,
      Expect: '100-continue',
      ...LAST,
      ...headers,
    });
    const interim = await client.response();
    expect((await client.response()).status).toBe(100);
    return { client, interim, location: interim.headers.get('location') ?? '' };
  }

  /** An append that is under way. */
  async function appending(location: string, offset: number, bytes: number): Promise<RawClient> {
    const client = await ietf.connect(`PATCH ${pathOf(location)}`, {
      'Content-Type': 'application/partial-upload',
      'Content-Length': bytes,
      'Upload-Offset': offset,
      Expect: '100-continue',
      ...LAST,
    });
    expect((await client.response()).status).toBe(100);
    return client;
  }

  /** So many bytes have come. */
  const untilHere = (location: string, bytes: number): Promise<void> =>
    eventually(async () => {
      const folder = join(dataDir, 'spool', 'uploads', location.split('/').at(-1) ?? '');
      expect((await stat(join(folder, '1-0.seg'))).size).toBe(bytes);
    });

  it.each(['9', '6'])(
    'is announced to clients of interop version %s before their bytes are wanted',
    async (version) => {
      const bytes = randomBytes(1_000);
      const { client, interim, location } = await announced(1_000, {
        'Upload-Draft-Interop-Version': version,
      });
      expect(interim.status).toBe(104);
      expect(Object.fromEntries(interim.headers)).toEqual({
        location: expect.stringContaining('/api/v1/uploads/'),
        'upload-limit': expect.stringMatching(/^max-size=\d+, max-age=\d+$/),
        'upload-draft-interop-version': version,
      });
      const answer = await client.send(bytes).response();
      client.close();
      expect([answer.status, answer.headers.get('location')]).toEqual([201, location]);
      expect(answer.headers.get('upload-draft-interop-version')).toBe(version);
      expect(answer.json().checksum).toBe(sha256(bytes));
    },
  );

  it.each([
    ['without a version', {}, '1.1'],
    ['of another version', { 'Upload-Draft-Interop-Version': '5' }, '1.1'],
    ['by HTTP/1.0', NEWEST, '1.0'],
  ])('is not announced to clients %s', async (_, headers, http) => {
    const client = await RawClient.connect(running.port);
    const fields = { Authorization: `Bearer ${ietf.token}`, 'Content-Length': '3', ...LAST, ...headers };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    client.send(`POST /api/v1/uploads HTTP/${http}\r\nHost: ingester\r\n${lines.join('')}\r\nabc`);
    const answer = await client.response();
    client.close();
    expect(answer.status).toBe(201);
  });

  it('is gone on with while its old connection is half open', async () => {
    const bytes = randomBytes(1_000_000);
    const { client, location } = await announced(bytes.length);
    client.send(bytes.subarray(0, 600_000));
    await untilHere(location, 600_000);
    const before = performance.now();
    const seen = await ietf.head(location);
    // The old connection would be given up after 30 s.
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(progressIn(seen)).toEqual([204, '?0', '600000']);
    await client.untilClosed();
    expect(client.rest).toBe('');
    const last = await ietf.append(location, 600_000, bytes.subarray(600_000), LAST);
    expect(last.body.checksum).toBe(sha256(bytes));
    expect((await storedPaths(dataDir)).filter((path) => path.endsWith('.content'))).toHaveLength(1);
  });

  it('goes on after its connection was cut, without a word of the client', async () => {
    const bytes = randomBytes(500_000);
    const { client, location } = await announced(bytes.length);
    client.send(bytes.subarray(0, 200_000));
    await untilHere(location, 200_000);
    client.reset();
    const offset = Number((await ietf.head(location)).headers['upload-offset']);
    expect(offset).toBe(200_000);
    expect((await ietf.append(location, offset, bytes.subarray(offset), LAST)).body.checksum).toBe(
      sha256(bytes),
    );
  });

  it('takes the bytes of the younger of two requests', async () => {
    const location = await ietf.begin({ 'Upload-Length': '6' });
    const older = await appending(location, 0, 6);
    const younger = await appending(location, 0, 6);
    expect((await older.response()).status).toBe(409);
    older.close();
    const answer = await younger.send('abcdef').response();
    younger.close();
    expect(answer.json().checksum).toBe(sha256(Buffer.from('abcdef')));
  });

  it('gives its last answer to who has not heard it', async () => {
    const location = await ietf.begin();
    const client = await appending(location, 0, 3);
    client.send('abc');
    await eventually(async () => expect((await ietf.receiptOf(location)).body.status).toBe('active'));
    client.reset();
    const answer = await ietf.append(location, 3, NOTHING, LAST);
    expect(progressIn(answer)).toEqual([201, '?1', '3']);
    expect(answer.body.checksum).toBe(sha256(Buffer.from('abc')));
  });

  it('goes on after the service was restarted, and is remembered when it is complete', async () => {
    const bytes = randomBytes(1_500_000);
    const location = await ietf.begin();
    const newPath = (): string => `${running.url}${pathOf(location)}`;
    await ietf.append(location, 0, bytes.subarray(0, 700_000)).expect(204);
    await restart();
    expect(progressIn(await ietf.head(newPath()))).toEqual([204, '?0', '700000']);
    await ietf.append(newPath(), 700_000, bytes.subarray(700_000)).expect(204);
    await restart();
    const first = await ietf.append(newPath(), bytes.length, NOTHING, LAST);
    expect(first.body.checksum).toBe(sha256(bytes));
    await restart();
    expect(progressIn(await ietf.head(newPath()))).toEqual([204, '?1', '1500000']);
    const again = await ietf.append(newPath(), bytes.length, NOTHING, LAST);
    expect([again.status, again.body]).toEqual([first.status, first.body]);
  });

  it('is left without an answer when the service stops, and goes on afterwards', async () => {
    const bytes = randomBytes(400_000);
    const { client, location } = await announced(bytes.length);
    client.send(bytes.subarray(0, 150_000));
    await untilHere(location, 150_000);
    await running.app.get(ActiveUploads).drain(0);
    await client.untilClosed();
    expect(client.rest).toBe('');
    const refused = await ietf.create({ 'Upload-Complete': '?1' }, Buffer.from('abc'));
    expect([refused.status, refused.body.code]).toEqual([503, 'SHUTTING_DOWN']);
    expect(progressIn(refused)).toEqual([503, '?0', undefined]);
    await restart();
    const here = `${running.url}${pathOf(location)}`;
    expect(progressIn(await ietf.head(here))).toEqual([204, '?0', '150000']);
    const last = await ietf.append(here, 150_000, bytes.subarray(150_000), LAST);
    expect(last.body.checksum).toBe(sha256(bytes));
  });

  it('is accepted for later where its client does not want to wait, and says so again', async () => {
    const accepted = await ietf.create({ ...LAST, Prefer: 'respond-async' }, Buffer.from('abc'));
    expect(progressIn(accepted)).toEqual([202, '?1', '3']);
    expect(accepted.headers['preference-applied']).toBe('respond-async');
    const again = await ietf.append(locationIn(accepted), 3, NOTHING, LAST);
    expect([again.status, again.body]).toEqual([202, accepted.body]);
  });

  interface Announced {
    readonly client: RawClient;
    readonly interim: RawResponse;
    readonly location: string;
  }
});
