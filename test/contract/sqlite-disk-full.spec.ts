import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from '@jest/globals';
import { PgliteDatabase } from '../../src/delivery/database/pglite-database.js';
import type { Database } from '../../src/delivery/database/sql.js';
import { startDeliveryFloor } from '../support/delivery-floor.js';
import { eventually } from '../support/eventually.js';
import { copyPglite } from '../support/pglite-template.js';
import { smallDisk } from '../support/small-disk.js';

const UNAVAILABLE = { code: 'QUEUE_UNAVAILABLE', status: 503 };
/** A file of the log is 16 MiB, so that some of these need a new one. */
const MANY = 60;
const LOG_HALF_A_MIB = "SELECT pg_logical_emit_message(true, 'x', repeat('y', 500000))";
const disk = smallDisk('size=256m');

disk.describe(`PGlite without room for the next file of its log${disk.whyNot}`, () => {
  const filler = join(disk.path, 'filler');
  const dataDir = join(disk.path, 'data');
  let open: { close(): Promise<void> } | undefined;

  beforeEach(() => copyPglite(dataDir));
  afterEach(async () => {
    rmSync(filler, { force: true });
    await open?.close();
    rmSync(dataDir, { recursive: true });
  });
  afterAll(() => disk.unmount());

  /** Leaves nothing of the disk, and writes until the database does not take it. Gives what that says. */
  async function fill(database: Database): Promise<unknown> {
    const { bavail, bsize } = statfsSync(disk.path);
    writeFileSync(filler, Buffer.alloc(bavail * bsize));
    for (let count = 0; count < MANY; count += 1) {
      try {
        await database.transaction((tx) => tx.query(LOG_HALF_A_MIB));
      } catch (error) {
        return error;
      }
    }
    return undefined;
  }

  it('is unavailable while there is none, and goes on with all that was committed once there is', async () => {
    const floor = await startDeliveryFloor({ DATA_DIR: dataDir, DATABASE_STATEMENT_TIMEOUT_MS: '4000' });
    open = floor;
    const database = await floor.database.open();
    await database.query('CREATE TABLE kept (n int)');
    await database.transaction((tx) => tx.query('INSERT INTO kept VALUES (7)'));
    expect(await fill(database)).toMatchObject(UNAVAILABLE);
    await expect(database.query('SELECT 1')).rejects.toMatchObject(UNAVAILABLE);
    rmSync(filler);
    await eventually(
      async () => expect(await database.query('SELECT n FROM kept')).toEqual([{ n: 7 }]),
      30_000,
    );
    await database.transaction((tx) => tx.query('UPDATE kept SET n = 8'));
  }, 60_000);

  it('can be closed', async () => {
    const database = await PgliteDatabase.open(join(dataDir, 'database'), 1_000);
    open = database;
    expect(await fill(database)).toMatchObject(UNAVAILABLE);
    expect(database.lost).toBe(true);
    await database.close();
  }, 60_000);
});
