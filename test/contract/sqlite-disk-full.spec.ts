import { randomBytes } from 'node:crypto';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Database } from '../../src/database/database.service.js';
import type { Sql } from '../../src/database/sql.js';
import { type DeliveryFloor, startDeliveryFloor } from '../support/delivery-floor.js';
import { eventually } from '../support/eventually.js';
import { smallDisk } from '../support/small-disk.js';

const UNAVAILABLE = { code: 'QUEUE_UNAVAILABLE', status: 503 };
/** More than the disk has, so that one of them finds no room. */
const MANY = 400;
const LARGE = randomBytes(50_000).toString('hex');
const disk = smallDisk('size=16m');

disk.describe(`SQLite without room on its disk${disk.whyNot}`, () => {
  const filler = join(disk.path, 'filler');
  const dataDir = join(disk.path, 'data');
  let floor: DeliveryFloor;

  beforeEach(async () => {
    floor = await startDeliveryFloor({ DATA_DIR: dataDir, DATABASE_CIRCUIT_RECOVERY_MS: '300' });
    await floor.database.open();
  });
  afterEach(async () => {
    rmSync(filler, { force: true });
    await floor.close();
    rmSync(dataDir, { recursive: true });
  });
  afterAll(() => disk.unmount());

  /** Leaves nothing of the disk, and writes until the database does not take it. Gives what that says. */
  async function fill(database: Database): Promise<unknown> {
    const { bavail, bsize } = statfsSync(disk.path);
    writeFileSync(filler, Buffer.alloc(bavail * bsize));
    for (let count = 0; count < MANY; count += 1) {
      try {
        await database.transaction((tx) => note(tx, 'lost', LARGE));
      } catch (error) {
        return error;
      }
    }
    return undefined;
  }

  it('is unavailable while there is none, and goes on with all that was committed once there is', async () => {
    const { database } = floor;
    await database.transaction((tx) => note(tx, 'kept'));
    expect(await fill(database)).toMatchObject(UNAVAILABLE);
    for (let time = 0; time < 10; time += 1) {
      await expect(note(database, 'lost', LARGE)).rejects.toMatchObject(UNAVAILABLE);
    }
    rmSync(filler);
    await eventually(() => database.transaction((tx) => note(tx, 'later', LARGE)));
    expect(await subjects(database)).toEqual(expect.arrayContaining(['kept', 'later']));
    expect(await database.query('PRAGMA integrity_check')).toMatchObject([{ integrity_check: 'ok' }]);
  });

  it('has all or nothing of a transaction that found no room, whatever comes next', async () => {
    const { database } = floor;
    expect(await fill(database)).toMatchObject(UNAVAILABLE);
    const before = await settledSubjects(database);
    rmSync(filler);
    // What comes first is no transaction: it must not become a part of one that could not be committed.
    await eventually(() => note(database, 'alone'));
    await eventually(() => database.transaction((tx) => note(tx, 'later')));
    expect(await subjects(database)).toEqual([...before, 'alone', 'later'].toSorted());
  });

  it('keeps nothing of a transaction that goes on after a statement found no room', async () => {
    const { database } = floor;
    const before = await subjects(database);
    const { bavail, bsize } = statfsSync(disk.path);
    writeFileSync(filler, Buffer.alloc(bavail * bsize));
    const failing = database.transaction(async (tx) => {
      // More than is held in memory, so that it is written before the commit.
      for (let count = 0; count < MANY; count += 1) await note(tx, 'lost', LARGE).catch(() => undefined);
      rmSync(filler);
      await note(tx, 'lost').catch(() => undefined);
    });
    await expect(failing).rejects.toMatchObject(UNAVAILABLE);
    expect(await subjects(database)).toEqual(before);
  });

  it('can be closed, and is opened again with what was committed', async () => {
    const { database } = floor;
    await database.transaction((tx) => note(tx, 'kept'));
    expect(await fill(database)).toMatchObject(UNAVAILABLE);
    await floor.close();
    rmSync(filler);
    floor = await startDeliveryFloor({ DATA_DIR: dataDir });
    expect(await subjects(floor.database)).toContain('kept');
  });
});

/** Reading needs no room, but the circuit may be open after what failed. */
async function settledSubjects(database: Database): Promise<string[]> {
  let found: string[] = [];
  await eventually(async () => {
    found = await subjects(database);
  });
  return found;
}

async function note(sql: Sql, subject: string, data: string | null = null): Promise<void> {
  await sql.query(
    `INSERT INTO ingester.audit (at, who, action, subject, data) VALUES (ingester.now_ms(), 'test', 'note', $1, $2)`,
    [subject, data],
  );
}

async function subjects(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ subject: string }>('SELECT subject FROM ingester.audit ORDER BY subject');
  return rows.map(({ subject }) => subject);
}
