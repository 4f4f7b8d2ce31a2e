import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import type { Sql } from '../../src/database/sql.js';
import { lockPromises } from '../../src/delivery/ledger/promise-lock.js';
import { AcceptedFiles } from '../../src/delivery/spool/accepted-files.service.js';
import { TestSpool } from '../support/accepted.js';
import { type AcceptingService, type Json, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { describeDelivery, describeDeliveryOnBoth } from './delivery-stage.js';

const BYTES = randomBytes(1_000);
const ASYNC = { prefer: 'respond-async' };

const filesOf = ({ running }: AcceptingService): AcceptedFiles =>
  running.app.get(AcceptedFiles, { strict: false });

describeDeliveryOnBoth('a file that is kept to be promised', (start) => {
  it('and is gone before it is promised, is not accepted, and may be sent again', async () => {
    const stage = await start();
    const files = filesOf(stage);
    const keep = files.keep.bind(files);
    const id = randomUUID();
    files.keep = async (...args) => {
      const kept = await keep(...args);
      await rm(stage.spoolPath(id));
      return kept;
    };
    const refused = await stage.put(id, BYTES, ASYNC);
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'QUEUE_UNAVAILABLE' }]);
    expect(await stage.query('SELECT upload_id FROM ingester.uploads')).toEqual([]);
    files.keep = keep;
    expect((await stage.put(id, BYTES, ASYNC)).status).toBe(202);
    expect(existsSync(stage.spoolPath(id))).toBe(true);
  });

  it('and is gone before it is promised, does not keep those from being accepted that share its transaction', async () => {
    const stage = await start();
    const files = filesOf(stage);
    const keep = files.keep.bind(files);
    const ids = Array.from({ length: 6 }, () => randomUUID());
    const lost = ids.at(3) ?? '';
    const allKept = Promise.withResolvers<void>();
    let count = 0;
    // All at once, so that while the first is promised the others wait for the next transaction.
    files.keep = async (...args) => {
      const kept = await keep(...args);
      count += 1;
      if (count === ids.length) await rm(stage.spoolPath(lost)).then(allKept.resolve);
      await allKept.promise;
      return kept;
    };
    const answers = await Promise.all(ids.map((id) => stage.put(id, BYTES, ASYNC)));
    expect(answers.map(({ status }) => status)).toEqual(ids.map((id) => (id === lost ? 503 : 202)));
    const rows = await stage.query<{ upload_id: string }>('SELECT upload_id FROM ingester.uploads');
    const accepted = ids.filter((id) => id !== lost);
    expect(rows.map(({ upload_id: id }) => id).toSorted()).toEqual(accepted.toSorted());
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

  it('is not kept anew where its upload was decided meanwhile', async () => {
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
    expect((await stage.put(id, BYTES, ASYNC)).status).toBe(409);
    expect(await stage.spooled()).toEqual([]);
  });
});

describeDelivery('a file that a killed process has kept and not promised', (start) => {
  it('gives way to what is sent under its id', async () => {
    const stage = await start();
    const [id, again] = [randomUUID(), randomUUID()];
    expect((await stage.put(again, BYTES, ASYNC)).status).toBe(202);
    expect((await stage.call(`/api/v1/files/${again}`, { method: 'DELETE' })).status).toBe(200);
    stage.element.options.fault = undefined;
    const other = TestSpool.at(join(stage.running.dataDir, 'spool'));
    for (const each of [id, again]) {
      await other.accept(Buffer.from('of another process'), each);
      expect((await stage.put(each, BYTES)).status).toBe(201);
      expect(await stage.spooled()).toEqual([]);
    }
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
    expect((await service.put(randomUUID(), BYTES, ASYNC)).status).toBe(202);
    service.element.options.fault = undefined;
    const id = randomUUID();
    const other = new Client({ connectionString: url });
    await other.connect();
    await other.query('BEGIN');
    await lockPromises(sqlOf(other), 'postgres', [id]);
    await TestSpool.at(join(service.running.dataDir, 'spool')).accept(Buffer.from('of another process'), id);
    const answer = await service.put(id, BYTES);
    expect([answer.status, await answer.json()]).toMatchObject([409, { code: 'UPLOAD_IN_PROGRESS' }]);
    await other.query('ROLLBACK');
    await other.end();
    expect((await service.put(id, BYTES)).status).toBe(201);
    await service.close();
  });
});

describe('a file that is just being promised anew', () => {
  let postgres: PostgresDatabases;
  let url: string;

  beforeAll(async () => {
    postgres = await openPostgres();
    url = await postgres.newPreparedDatabase();
  });
  afterAll(() => postgres.dispose());

  it('is not removed by who has decided to before', async () => {
    const service = await startAccepting({ DATABASE_URL: url });
    const id = randomUUID();
    expect((await service.put(id, BYTES, ASYNC)).status).toBe(202);
    expect((await service.call(`/api/v1/files/${id}`, { method: 'DELETE' })).status).toBe(200);
    const other = new Client({ connectionString: url });
    await other.connect();
    await other.query('BEGIN');
    await other.query('SELECT * FROM ingester.tasks WHERE upload_id = $1 FOR UPDATE', [id]);
    const putting = service.put(id, BYTES, ASYNC);
    await eventually(async () => {
      const { rows } = await other.query(
        `SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted`,
      );
      expect(rows).toHaveLength(1);
    });
    expect(await filesOf(service).remove(id)).toBe(false);
    await other.query('ROLLBACK');
    await other.end();
    const answer = await putting;
    expect([answer.status, (await answer.json()) as Json]).toMatchObject([202, { upload_id: id }]);
    service.element.options.fault = undefined;
    await service.untilStatus(id, 'active');
    await eventually(async () => expect(await service.spooled()).toEqual([]));
    await service.close();
  });
});

function sqlOf(client: Client): Sql {
  return { query: async (text, values = []) => (await client.query(text, [...values])).rows };
}
