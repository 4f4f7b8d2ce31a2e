import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { configModule } from '../../src/config/config.module.js';
import { parseEnvironment } from '../support/parse-environment.js';
import { Database } from '../../src/database/database.service.js';
import type { SqlValue } from '../../src/database/sql.js';
import { Replicas } from '../../src/replicas/replicas.service.js';
import { Deliveries } from '../../src/delivery/deliveries.service.js';
import { DeliveryModule } from '../../src/delivery/delivery.module.js';
import { parseKeepingNumbers } from '../../src/errors/json-numbers.js';
import { FollowUps } from '../../src/delivery/follow-ups/follow-ups.service.js';
import { GROUND_MODULES } from '../support/ground-modules.js';
import { EMBEDDED, onPostgres } from '../support/accepted-service.js';
import { AdminModuleServer } from '../support/admin-module-server.js';
import { eventually } from '../support/eventually.js';
import { TokenEndpointServer } from '../support/token-endpoint.js';

const METADATA = '{"id":1546130668394913822,"__proto__":{"price":1.10}}';

/** A port on which nobody listens. */
const NOWHERE = 'postgres://nobody@127.0.0.1:1/nothing';

describe.each([
  ['SQLite', async () => Promise.resolve(EMBEDDED)],
  ['PostgreSQL', onPostgres],
])('a file that is stored without a promise, with %s,', (_, databaseOf) => {
  let admin: AdminModuleServer;
  let tokens: TokenEndpointServer;
  let dataDir: string;
  let database: { DATABASE_URL: string };
  let module: TestingModule;

  beforeEach(async () => {
    [admin, tokens] = await Promise.all([AdminModuleServer.start(), TokenEndpointServer.start()]);
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-registration-'));
    database = await databaseOf();
  });

  afterEach(async () => {
    await module.close();
    await Promise.all([admin.close(), tokens.close()]);
    await rm(dataDir, { recursive: true, force: true });
  });

  /** The database is open as well, unless the variables name another one. */
  async function open(variables: Record<string, string> = {}): Promise<void> {
    const environment = parseEnvironment({
      NODE_ENV: 'test',
      LOG_LEVEL: 'silent',
      DATA_DIR: dataDir,
      ...database,
      ADMIN_URL: admin.url,
      ADMIN_RETRY_ATTEMPTS: '1',
      DELIVERY_POLL_MS: '20',
      DELIVERY_BACKOFF_BASE_MS: '1',
      DATABASE_CONNECT_TIMEOUT_MS: '30000',
      SERVICE_TOKEN_URL: tokens.url,
      SERVICE_CLIENT_ID: 'ingester',
      SERVICE_CLIENT_SECRET: 'hunter2',
      ...variables,
    });
    module = await Test.createTestingModule({
      imports: [configModule(environment), ...GROUND_MODULES, DeliveryModule],
    }).compile();
    module.useLogger(false);
    await module.init();
    if (variables.DATABASE_URL === undefined) await module.get(Database).open();
  }

  async function store(uploadId: string = randomUUID(), copies: string[] = []): Promise<string> {
    await module.get(Deliveries).followUp({
      file: {
        fileId: uploadId,
        originalFilename: 'a.txt',
        contentType: 'text/plain',
        description: null,
        tags: ['one'],
        metadata: Object(parseKeepingNumbers(METADATA)),
        retentionPolicy: 'temporary',
        ttlDays: 30,
        uploadedBy: 'alice',
        uploadedByUsername: null,
        uploadedAt: new Date('2026-11-20T10:00:00.000Z'),
      },
      digest: { size: 5, sha256: 'ab'.repeat(32) },
      placed: { target: 'storage:se-01', file: { fileId: `of-${uploadId}`, size: 5 } },
      idIsCallers: false,
      copies: copies.map((target) => ({ target, unverified: false, answered: false })),
    });
    return uploadId;
  }

  async function rows(table: string): Promise<Record<string, unknown>[]> {
    return query(`SELECT * FROM ingester.${table}`);
  }

  function query(text: string, ...values: SqlValue[]): Promise<Record<string, unknown>[]> {
    return module.get(Database).query(text, values);
  }

  /** Has the upload come in at another time. */
  async function uploadedAt(when: string): Promise<void> {
    const [upload] = await rows('uploads');
    const description: object = JSON.parse(String(upload?.description));
    const changed = JSON.stringify({ ...description, uploadedAt: when });
    await query('UPDATE ingester.uploads SET description = $1', changed);
  }

  const registered = (uploadId: string): Promise<void> =>
    eventually(async () => {
      expect(await rows('tasks')).toMatchObject([
        { upload_id: uploadId, kind: 'registration', state: 'done' },
      ]);
    });

  it('is registered, and its receipt says where it is', async () => {
    await open();
    const uploadId = await store();
    await registered(uploadId);
    expect(admin.requests).toMatchObject([
      { body: { file_id: `of-${uploadId}`, storage_element_id: 'se-01', checksum: 'ab'.repeat(32) } },
    ]);
    expect(await rows('uploads')).toMatchObject([{ status: 'active', stored_at: 'storage:se-01' }]);
    expect(await rows('attempts')).toMatchObject([{ target: 'admin', outcome: 'registered', code: null }]);
    expect(await rows('tasks')).toMatchObject([{ attempts: 1 }]);
    expect(await rows('placements')).toEqual([]);
  });

  it('is registered after the Admin module has failed, and the history says so', async () => {
    await open();
    admin.answers.push({ status: 500 }, { status: 500 });
    await registered(await store());
    expect(await rows('attempts')).toMatchObject([
      { outcome: 'failed', code: 'ADMIN_UNAVAILABLE', status_code: 500 },
      { outcome: 'failed', code: 'ADMIN_UNAVAILABLE', status_code: 500 },
      { outcome: 'registered' },
    ]);
  });

  it('stays stored when its registration is a dead letter', async () => {
    await open();
    admin.answers.push({ status: 422 });
    await store();
    await eventually(async () => {
      expect(await rows('tasks')).toMatchObject([{ state: 'dead', reason: 'ADMIN_UNAVAILABLE' }]);
    });
    expect(await rows('uploads')).toMatchObject([{ status: 'active' }]);
  });

  it('is registered once, however often it is noted', async () => {
    await open();
    const uploadId = await store();
    await Promise.all([store(uploadId), store(uploadId)]);
    await registered(uploadId);
    expect(admin.requests).toHaveLength(1);
  });

  it.each(['cancelled', 'expired', 'dead'])(
    'is registered also where its id is that of an upload which is %s, and takes its place',
    async (status) => {
      await open();
      const uploadId = await store();
      await registered(uploadId);
      await query(`UPDATE ingester.tasks SET kind = 'delivery', state = 'dead'`);
      const former = `status = $1, file_id = NULL, sha256 = $2, size = 7, spool_file = 'x'`;
      const sha256 = status === 'dead' ? 'ab'.repeat(32) : 'other';
      await query(`UPDATE ingester.uploads SET ${former}`, status, sha256);
      await store(uploadId);
      await registered(uploadId);
      expect(await rows('uploads')).toMatchObject([
        {
          status: 'active',
          file_id: `of-${uploadId}`,
          sha256: 'ab'.repeat(32),
          size: 5,
          bytes_delivered: 5,
          spool_file: null,
          finished_at: expect.anything(),
        },
      ]);
      expect((await rows('events')).map(({ type }) => type)).toEqual(['active', 'active']);
    },
  );

  it('is registered anew where it has come after the time of the one before, and not where it is that one', async () => {
    await open();
    const uploadId = await store();
    await registered(uploadId);
    await uploadedAt('2026-10-21T10:00:00.001Z');
    await store(uploadId);
    expect(admin.requests).toHaveLength(1);
    await uploadedAt('2026-10-21T10:00:00.000Z');
    await store(uploadId);
    await eventually(() => Promise.resolve(expect(admin.requests).toHaveLength(2)));
    await registered(uploadId);
  });

  it('leaves other bytes of its id alone that are still to be delivered', async () => {
    await open();
    const uploadId = await store();
    await registered(uploadId);
    await query('DELETE FROM ingester.tasks');
    await query(`UPDATE ingester.uploads SET status = 'accepted', sha256 = 'other'`);
    await store(uploadId);
    expect(await rows('tasks')).toEqual([]);
  });

  it('is not left to a delivery whose kept file is missing, nor are the copies which that may have left', async () => {
    await open();
    const uploadId = await store();
    await registered(uploadId);
    await query(
      `UPDATE ingester.tasks SET kind = 'delivery', state = 'waiting', due_at = ingester.now_ms() + 86400000`,
    );
    await query(
      `INSERT INTO ingester.placements (upload_id, target, unverified)
      VALUES ($1, 'storage:se-01', 0), ($1, 'storage:se-02', 0)`,
      uploadId,
    );
    await query(
      `UPDATE ingester.uploads SET status = 'accepted', file_id = NULL, spool_file = 'a-name', spool_id = $1, sha256 = 'other'`,
      await module.get(Replicas, { strict: false }).spoolId(),
    );
    await store(uploadId);
    expect(await rows('uploads')).toMatchObject([{ status: 'accepted' }]);
    await query('UPDATE ingester.uploads SET sha256 = $1', 'ab'.repeat(32));
    await store(uploadId);
    expect(await rows('uploads')).toMatchObject([
      { status: 'active', file_id: `of-${uploadId}`, spool_file: null },
    ]);
    await eventually(() => Promise.resolve(expect(admin.requests).toHaveLength(2)));
    expect((await rows('tasks')).map(({ kind }) => String(kind)).toSorted()).toEqual([
      'registration',
      'removal',
    ]);
    expect(await rows('placements')).toMatchObject([{ target: 'storage:se-02' }]);
  });

  it('waits for a token without using up attempts', async () => {
    tokens.options.fault = { status: 400, body: '' };
    await open();
    await store();
    await eventually(async () => {
      expect(await rows('tasks')).toMatchObject([
        { state: 'waiting', attempts: 0, reason: 'ADMIN_UNAVAILABLE' },
      ]);
    });
    expect(admin.requests).toHaveLength(0);
  });

  it('is noted in the spool while the database is away, and registered when that is there', async () => {
    await open({ DATABASE_URL: NOWHERE });
    const uploadId = await store();
    const intents = join(dataDir, 'spool', 'intents');
    expect(await readdir(intents)).toEqual([`${uploadId}.json`]);
    await module.close();
    const damaged = `${randomUUID()}.json`;
    await writeFile(join(intents, damaged), '{"version":1}');
    await open({ ADMIN_GENERATION: 'artstore' });
    await module.get(FollowUps).importIntents();
    await registered(uploadId);
    expect(admin.requests).toHaveLength(1);
    expect(admin.requests[0]?.text).toContain(`"user_metadata":${METADATA}`);
    expect(await readdir(intents)).toEqual([damaged]);
  });

  it('is noted beside the copies that were noted before', async () => {
    await open({ DATABASE_URL: NOWHERE });
    const uploadId = await store(undefined, ['storage:se-02']);
    await store(uploadId);
    await store(uploadId, ['storage:se-03']);
    const text = await readFile(join(dataDir, `spool/intents/${uploadId}.json`), 'utf8');
    const copies = ['storage:se-02', 'storage:se-03'].map((target) => ({ target }));
    expect(JSON.parse(text)).toMatchObject({ copies, kinds: ['registration'] });
  });

  it('does not wait for a database that is still to be made, and is registered as soon as it is there', async () => {
    await open({ DATABASE_URL: '' });
    expect(existsSync(join(dataDir, 'database.sqlite'))).toBe(false);
    const uploadIds = [await store(), await store()];
    await eventually(() => Promise.resolve(expect(admin.requests).toHaveLength(2)));
    const known = (await rows('uploads')).map(({ upload_id: id }) => String(id));
    expect(known.toSorted()).toEqual(uploadIds.toSorted());
    // The folder is there, so something was noted in it meanwhile.
    await eventually(async () => expect(await readdir(join(dataDir, 'spool', 'intents'))).toEqual([]));
  });

  it('is not noted anywhere without an Admin module', async () => {
    await open({ ADMIN_URL: '' });
    await store();
    expect(await rows('uploads')).toEqual([]);
  });
});
