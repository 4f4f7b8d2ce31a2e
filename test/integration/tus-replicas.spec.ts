import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { RawClient } from '../support/raw-client.js';
import { storedPaths } from '../support/stored-files.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a tus upload at two replicas that share a spool', () => {
  let postgres: PostgresDatabases;
  let shared: string;
  let replicas: readonly [RunningApp, RunningApp];
  let one: TusRequests;
  let two: TusRequests;
  let token: string;

  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(() => postgres.dispose());

  beforeEach(async () => {
    shared = await mkdtemp(join(tmpdir(), 'ingester-shared-'));
    const path = join(shared, 'storage');
    const variables = {
      DATABASE_URL: await postgres.newPreparedDatabase(),
      SPOOL_DIR: join(shared, 'spool'),
      STORAGE_ELEMENTS: JSON.stringify([
        { id: 'edit-01', mode: 'edit', driver: 'local', path, priority: 100 },
      ]),
    };
    replicas = [await startApp(variables), await startApp(variables)];
    token = await replicas[0].token();
    one = new TusRequests(replicas[0], token);
    two = new TusRequests(replicas[1], token);
  });

  afterEach(async () => {
    for (const replica of replicas) await replica.close();
    await rm(shared, { recursive: true, force: true });
  });

  /** As a client does: one that is told that it cannot be said now asks again. */
  const offsetAt = async (tus: TusRequests, location: string): Promise<number> => {
    for (;;) {
      const { status, headers } = await tus.head(location);
      if (status === 200) return Number(headers['upload-offset']);
      expect(status).toBe(503);
    }
  };

  const filesStored = async (): Promise<number> =>
    (await storedPaths(shared)).filter((path) => path.endsWith('.content')).length;

  it('goes on at either of them, and becomes one file', async () => {
    const bytes = randomBytes(600_000);
    const location = await one.begin(bytes.length);
    for (let [offset, turn] = [0, 0]; offset < bytes.length; turn += 1) {
      const tus = turn % 2 === 0 ? one : two;
      expect(await offsetAt(tus, location)).toBe(offset);
      const end = offset + 100_000;
      const answer = await tus.patch(location, offset, bytes.subarray(offset, end));
      expect(answer.headers['upload-offset']).toBe(String(end));
      offset = end;
    }
    expect((await one.receiptOf(location)).body).toMatchObject({ status: 'active', checksum: sha256(bytes) });
    expect(await offsetAt(one, location)).toBe(bytes.length);
    expect(await offsetAt(two, location)).toBe(bytes.length);
    expect(await filesStored()).toBe(1);
  });

  it('taken by one of them, takes nothing more from what the other is still sent', async () => {
    const bytes = randomBytes(600_000);
    const location = await one.begin(bytes.length);
    const stale = await RawClient.connect(replicas[0].port);
    stale.head(`PATCH ${pathOf(location)}`, {
      Authorization: `Bearer ${token}`,
      'Tus-Resumable': '1.0.0',
      'Upload-Offset': 0,
      'Content-Type': 'application/offset+octet-stream',
      'Content-Length': 300_000,
    });
    stale.send(bytes.subarray(0, 200_000));
    let offset = 0;
    await eventually(async () => {
      offset = await offsetAt(two, location);
      expect(offset).toBe(200_000);
    });
    // Its client does not know, and sends bytes that are not those that the other replica gets.
    stale.send(Buffer.alloc(100_000));
    const answer = await stale.response();
    expect(answer.status).toBe(409);
    expect(answer.json()).toMatchObject({ code: 'UPLOAD_IN_PROGRESS' });
    stale.close();
    expect((await two.patch(location, offset, bytes.subarray(offset))).status).toBe(204);
    expect((await one.receiptOf(location)).body).toMatchObject({ status: 'active', checksum: sha256(bytes) });
    expect(await filesStored()).toBe(1);
  });

  it('never tells an offset that is taken back, however they are asked', async () => {
    const bytes = randomBytes(400_000);
    const location = await one.begin(bytes.length);
    let told = 0;
    for (let round = 0; round < 40; round += 1) {
      const [first, second] = round % 3 === 0 ? [one, two] : [two, one];
      const end = Math.min(bytes.length, told + 10_000);
      const [answer, offset] = await Promise.all([
        first.patch(location, told, bytes.subarray(told, end)),
        offsetAt(second, location),
      ]);
      expect(offset).toBeGreaterThanOrEqual(told);
      const acknowledged = answer.status === 204 ? Number(answer.headers['upload-offset']) : told;
      told = Math.max(offset, acknowledged);
      const now = await offsetAt(first, location);
      expect(now).toBeGreaterThanOrEqual(told);
      told = now;
    }
    if (told < bytes.length) await one.patch(location, told, bytes.subarray(told)).expect(204);
    // Where a question was answered with the last offset, nobody has waited for its place.
    await eventually(async () => {
      expect((await two.receiptOf(location)).body).toMatchObject({
        status: 'active',
        checksum: sha256(bytes),
      });
    });
    expect(await filesStored()).toBe(1);
  });
});
