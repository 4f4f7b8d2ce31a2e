import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqliteThread } from '../../src/database/sqlite-thread.js';
import { type DeliveryFloor, startDeliveryFloor } from '../support/delivery-floor.js';
import { insertUpload } from './delivery-subject.js';

const UNAVAILABLE = { code: 'QUEUE_UNAVAILABLE', status: 503 };
const LANE = 'small-permanent';

describe('SQLite in the service', () => {
  let dataDir: string;
  let floor: DeliveryFloor;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-sqlite-'));
    floor = await startDeliveryFloor({ DATA_DIR: dataDir });
  });
  afterEach(async () => {
    await floor.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('is opened when it is first needed, once for all who need it', async () => {
    const { database, tasks } = floor;
    expect([database.isUsed(), database.opened]).toEqual([false, false]);
    const all = [database.open(), database.query('SELECT 1'), tasks.claim(LANE, 1), insertUpload(database)];
    expect(await Promise.all(all)).toHaveLength(4);
    expect([database.isUsed(), database.opened]).toEqual([true, true]);
  });

  it('is opened anew after its thread ended, with all that was committed', async () => {
    const { database, tasks } = floor;
    const uploadId = await insertUpload(database);
    const thread = await threadOf(floor);
    await thread.close();
    expect(database.opened).toBe(false);
    const rows = await database.query('SELECT upload_id FROM ingester.uploads');
    expect(rows).toMatchObject([{ upload_id: uploadId }]);
    expect(await tasks.claim(LANE, 1)).toEqual([]);
  });

  it('rolls back what was under way when its thread ended, and fails all who wait', async () => {
    const { database } = floor;
    const thread = await threadOf(floor);
    const begun = Promise.withResolvers<void>();
    const waiting = [1, 2, 3].map(() => begun.promise.then(() => database.query('SELECT 1')));
    const cut = database.transaction(async (tx) => {
      await insertUpload(tx);
      begun.resolve();
      await thread.close();
      await tx.query('SELECT 1');
    });
    const ends = await Promise.allSettled([cut, ...waiting]);
    for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
    expect(await database.query('SELECT upload_id FROM ingester.uploads')).toEqual([]);
  });

  it('takes no statement past the transaction that it is in, where it would wait for itself', async () => {
    const { database } = floor;
    await database.open();
    const nested = database.transaction(() => database.query('SELECT 1'));
    await expect(nested).rejects.toThrow('through the transaction');
    const twice = database.transaction(() => database.transaction((tx) => tx.query('SELECT 1')));
    await expect(twice).rejects.toThrow('through the transaction');
    expect(floor.circuits.reports().database).toMatchObject({ state: 'closed', failure_count: 0 });
    expect(await database.query('SELECT 1 AS one')).toMatchObject([{ one: 1 }]);
  });

  it('is of no use once the service ends', async () => {
    await floor.database.open();
    await floor.close();
    await expect(floor.database.query('SELECT 1')).rejects.toMatchObject(UNAVAILABLE);
  });
});

/** The thread under a database that is open; closed, it is as one that a fault has ended. */
function threadOf({ database }: DeliveryFloor): Promise<SqliteThread> {
  return database.call({
    targets: ['database'],
    signal: new AbortController().signal,
    work: (open) => {
      const thread: unknown = Reflect.get(open, 'thread');
      if (thread instanceof SqliteThread) return Promise.resolve(thread);
      throw new Error('the database has no thread');
    },
  });
}
