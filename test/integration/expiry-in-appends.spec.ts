import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CLOCK, type Clock } from '../../src/timing/clock.js';
import { UploadSweep } from '../../src/resumption/upload-sweep.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/raw-client.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

const MAX_IDLE_MS = 600_000;

describe('an upload that expires while bytes come', () => {
  let dataDir: string;
  let running: RunningApp;
  let tus: TusRequests;
  let token: string;
  let idle: string;
  let location: string;
  let client: RawClient;
  const bytes = randomBytes(600_000);

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-tus-'));
    await start();
    idle = await tus.begin(10);
    await restart();
    location = await tus.begin(bytes.length);
    client = await begunAppend();
  });

  afterEach(async () => {
    client.close();
    jest.restoreAllMocks();
    await running.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    running = await startApp({ DATA_DIR: dataDir, RESUMABLE_MAX_IDLE_MS: String(MAX_IDLE_MS) });
    token = await running.token();
    tus = new TusRequests(running, token);
  }

  /** What was asked for a moment ago is known to the process, and is not given up while it is. */
  async function restart(): Promise<void> {
    await running.close();
    await start();
  }

  /** An append of all bytes, a third of which are here. */
  async function begunAppend(): Promise<RawClient> {
    const appending = await RawClient.connect(running.port);
    appending.head(`PATCH ${pathOf(location)}`, {
      Authorization: `Bearer ${token}`,
      'Tus-Resumable': '1.0.0',
      'Upload-Offset': 0,
      'Content-Type': 'application/offset+octet-stream',
      'Content-Length': bytes.length,
    });
    appending.send(bytes.subarray(0, 200_000));
    const folder = join(dataDir, 'spool', 'uploads', pathOf(location).split('/').at(-1) ?? '');
    await eventually(async () => expect((await stat(join(folder, '1-0.seg'))).size).toBe(200_000));
    return appending;
  }

  /** Twice as much time as an upload may be idle, and a look through all of them. */
  async function passAndSweep(): Promise<void> {
    jest
      .spyOn(running.app.get<Clock>(CLOCK), 'wallMs')
      .mockImplementation(() => Date.now() + 2 * MAX_IDLE_MS);
    await running.app.get(UploadSweep).sweep();
  }

  const expectFile = (): Promise<void> =>
    eventually(async () => {
      const checksum = createHash('sha256').update(bytes).digest('hex');
      expect((await tus.receiptOf(location)).body).toMatchObject({ status: 'active', checksum });
    });

  it('is not cut, and becomes a file', async () => {
    await passAndSweep();
    await tus.head(idle).expect(410);
    client.send(bytes.subarray(200_000));
    const answer = await client.response();
    expect([answer.status, answer.headers.get('upload-offset')]).toEqual([204, String(bytes.length)]);
    await expectFile();
  });

  it('goes on after its connection was cut then', async () => {
    await passAndSweep();
    client.send(bytes.subarray(200_000, 300_000));
    client.reset();
    await running.app.get(UploadSweep).sweep();
    const { status, headers } = await tus.head(location);
    expect(status).toBe(200);
    const offset = Number(headers['upload-offset']);
    expect(offset).toBeGreaterThanOrEqual(200_000);
    expect(Date.parse(headers['upload-expires'] ?? '')).toBeGreaterThan(Date.now() + 2 * MAX_IDLE_MS);
    await running.app.get(UploadSweep).sweep();
    expect((await tus.patch(location, offset, bytes.subarray(offset))).status).toBe(204);
    await expectFile();
  });

  it('is given up when nobody has gone on with it for that long afterwards', async () => {
    client.close();
    await tus.head(location).expect(200);
    await restart();
    await passAndSweep();
    await tus.head(location).expect(410);
  });
});
