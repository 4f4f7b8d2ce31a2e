import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import type { Sql } from '../../src/database/sql.js';
import { LedgerPromises } from '../../src/delivery/ledger/ledger-promises.service.js';
import { insertSpoolFiles } from '../../src/delivery/ledger/spool-file-rows.js';
import { insertUploads } from '../../src/delivery/ledger/upload-rows.js';
import { AcceptedFiles } from '../../src/delivery/spool/accepted-files.service.js';
import { digestOf, TestSpool } from '../support/accepted.js';
import { type AcceptingService, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { describeDelivery, describeDeliveryOnBoth } from './delivery-stage.js';

const BYTES = randomBytes(1_000);
const ASYNC = { prefer: 'respond-async' };

const filesOf = ({ running }: AcceptingService): AcceptedFiles =>
  running.app.get(AcceptedFiles, { strict: false });

/** As the sweep does it of another process, which takes the file for one that was left. */
async function sweepAway(service: AcceptingService, name: string): Promise<void> {
  const promises = service.running.app.get(LedgerPromises, { strict: false });
  for (const refused of await promises.refuse([name])) await filesOf(service).remove(refused);
}

describeDeliveryOnBoth('a file that is kept to be promised', (start) => {
  it('and is swept before it is promised, is not accepted, and may be sent again', async () => {
    const stage = await start();
    const files = filesOf(stage);
    const keep = files.keep.bind(files);
    const id = randomUUID();
    files.keep = async (...args) => {
      const kept = await keep(...args);
      await sweepAway(stage, kept.name);
      return kept;
    };
    const refused = await stage.put(id, BYTES, ASYNC);
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'QUEUE_UNAVAILABLE' }]);
    expect(await stage.query('SELECT upload_id FROM ingester.uploads')).toEqual([]);
    files.keep = keep;
    expect((await stage.put(id, BYTES, ASYNC)).status).toBe(202);
    expect(existsSync(stage.spoolPath(id))).toBe(true);
  });

  it('and is swept before it is promised, does not keep those from being accepted that share its transaction', async () => {
    const stage = await start();
    const files = filesOf(stage);
    const keep = files.keep.bind(files);
    const ids = Array.from({ length: 6 }, () => randomUUID());
    const lost = ids.at(3) ?? '';
    const allKept = Promise.withResolvers<void>();
    const names = new Map<string, string>();
    // All at once, so that while the first is promised the others wait for the next transaction.
    files.keep = async (...args) => {
      const kept = await keep(...args);
      names.set(kept.uploadId, kept.name);
      if (names.size === ids.length) await sweepAway(stage, names.get(lost) ?? '').then(allKept.resolve);
      await allKept.promise;
      return kept;
    };
    const answers = await Promise.all(ids.map((id) => stage.put(id, BYTES, ASYNC)));
    expect(answers.map(({ status }) => status)).toEqual(ids.map((id) => (id === lost ? 503 : 202)));
    const rows = await stage.query<{ upload_id: string }>('SELECT upload_id FROM ingester.uploads');
    const accepted = ids.filter((id) => id !== lost);
    expect(rows.map(({ upload_id: id }) => id).toSorted()).toEqual(accepted.toSorted());
  });

  it('and is promised cannot be swept any more', async () => {
    const stage = await start();
    const uploadId = await stage.accept();
    const [name = ''] = filesOf(stage).namesOf(uploadId);
    await sweepAway(stage, name);
    expect(existsSync(stage.spoolPath(uploadId))).toBe(true);
  });
});

describeDelivery('a file that is missing', (start) => {
  const PATIENT = { DELIVERY_BACKOFF_BASE_MS: '100000000', DELIVERY_BACKOFF_MAX_MS: '100000000' };

  it('is kept anew when it is sent again, and is delivered', async () => {
    const stage = await start(PATIENT);
    const id = randomUUID();
    expect((await stage.put(id, BYTES, ASYNC)).status).toBe(202);
    const { task_id: taskId } = await stage.untilTask(id, { state: 'waiting', attempts: 1 });
    await rm(stage.spoolPath(id));
    expect((await stage.put(id, randomBytes(10), ASYNC)).status).toBe(409);
    expect(await stage.spooled()).toEqual([]);
    expect((await stage.put(id, BYTES, ASYNC)).status).toBe(202);
    expect(await readFile(stage.spoolPath(id))).toEqual(BYTES);
    expect(await stage.task(id)).toMatchObject({ task_id: taskId, state: 'waiting', attempts: 1 });
    stage.element.options.fault = undefined;
    await stage.query('UPDATE ingester.tasks SET due_at = ingester.now_ms()');
    expect(await stage.untilStatus(id, 'active')).toMatchObject({ file_id: id });
    await eventually(async () => expect(await stage.spooled()).toEqual([]));
  });

  it('is a new upload where the former one was cancelled meanwhile', async () => {
    const stage = await start(PATIENT);
    const id = randomUUID();
    expect((await stage.put(id, BYTES, ASYNC)).status).toBe(202);
    await stage.untilTask(id, { state: 'waiting', attempts: 1 });
    await rm(stage.spoolPath(id));
    const files = filesOf(stage);
    const keep = files.keep.bind(files);
    files.keep = async (...args) => {
      await stage.query(`UPDATE ingester.uploads SET status = 'cancelled', spool_file = NULL`);
      return keep(...args);
    };
    expect((await stage.put(id, BYTES, ASYNC)).status).toBe(202);
    expect(await stage.spooled()).toEqual([expect.stringContaining(id)]);
    // Its own delivery may have begun as well.
    expect((await stage.events(id)).slice(0, 3)).toEqual(['accepted', 'delivering', 'accepted']);
  });
});

describeDelivery('a file that a killed process has kept and not promised', (start) => {
  it('gives way to what is sent under its id', async () => {
    const stage = await start();
    const id = randomUUID();
    stage.element.options.fault = undefined;
    const databaseId = await stage.running.app.get(LedgerPromises, { strict: false }).databaseId();
    const other = TestSpool.at(join(stage.running.dataDir, 'spool'));
    const { name } = await other.keep(Buffer.from('of another process'), id, databaseId);
    await filesOf(stage).refresh();
    expect((await stage.put(id, BYTES)).status).toBe(201);
    expect(await stage.spooled()).toEqual([]);
    // It would be too late, were it only slow.
    expect(await stage.query('SELECT upload_id FROM ingester.spool_files WHERE name = $1', name)).toEqual([
      { upload_id: null },
    ]);
  });
});

describe('a file that another process is just promising', () => {
  let postgres: PostgresDatabases;

  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(() => postgres.dispose());

  it('is not overtaken by another one of its id', async () => {
    const url = await postgres.newPreparedDatabase();
    const service = await startAccepting({ DATABASE_URL: url });
    service.element.options.fault = undefined;
    const id = randomUUID();
    const databaseId = await service.running.app.get(LedgerPromises, { strict: false }).databaseId();
    const spool = TestSpool.at(join(service.running.dataDir, 'spool'));
    const { name } = await spool.keep(BYTES, id, databaseId);
    const other = new Client({ connectionString: url });
    await other.connect();
    await other.query('BEGIN');
    await promiseAs(other, id, name);
    await filesOf(service).refresh();
    const putting = service.put(id, BYTES);
    await eventually(async () => {
      const { rows } = await other.query(
        `SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted`,
      );
      expect(rows).toHaveLength(1);
    });
    await other.query('COMMIT');
    await other.end();
    const answer = await putting;
    expect([answer.status, await answer.json()]).toMatchObject([202, { upload_id: id, status: 'accepted' }]);
    expect(service.element.uploads).toHaveLength(0);
    await service.close();
  });
});

/** Writes down what a process does that promises a file; its task comes later. */
async function promiseAs(client: Client, uploadId: string, spoolFile: string): Promise<void> {
  const sql: Sql = { query: async (text, values = []) => (await client.query(text, [...values])).rows };
  const file = {
    fileId: uploadId,
    originalFilename: 'a.bin',
    contentType: 'application/octet-stream',
    description: null,
    tags: [],
    metadata: {},
    retentionPolicy: 'temporary',
    ttlDays: 7,
    uploadedBy: 'alice',
    uploadedByUsername: null,
    uploadedAt: new Date(),
  } as const;
  const upload = { uploadId, status: 'accepted', file, digest: digestOf(BYTES), spoolFile } as const;
  await insertUploads(sql, [{ ...upload, idIsCallers: true, spoolId: null, request: undefined }]);
  await insertSpoolFiles(sql, [{ name: spoolFile, uploadId }]);
}
