import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { AcceptedFiles } from '../../src/delivery/spool/accepted-files.service.js';
import { type AcceptingService, type Json, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { describeDelivery } from './delivery-stage.js';

const BYTES = randomBytes(1_000);
const ASYNC = { prefer: 'respond-async' };

const filesOf = ({ running }: AcceptingService): AcceptedFiles =>
  running.app.get(AcceptedFiles, { strict: false });

describeDelivery('a file that is kept to be promised', (start) => {
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
});

describe('a file that is just being promised anew', () => {
  let postgres: PostgresDatabases;
  let url: string;

  beforeAll(async () => {
    postgres = await openPostgres();
    url = await postgres.newDatabase();
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
    expect(await service.spooled()).toEqual([]);
    await service.close();
  });
});
