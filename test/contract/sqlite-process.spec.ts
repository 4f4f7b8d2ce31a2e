import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PgliteDatabase } from '../../src/delivery/database/pglite-database.js';
import { type DeliveryFloor, startDeliveryFloor } from '../support/delivery-floor.js';
import { copyPglite } from '../support/pglite-template.js';

const WRITER = join(import.meta.dirname, '../support/pglite-writer.js');
const UNAVAILABLE = { code: 'QUEUE_UNAVAILABLE', status: 503 };

/** Far below the seconds that PGlite takes for its first start, far above what a busy machine takes a thread away for. */
const HICCUP_MS = 1_000;

describe('the folder of PGlite', () => {
  let dataDir: string;
  let folder: string;
  const writers: ChildProcess[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-pglite-'));
    folder = join(dataDir, 'database');
  });
  afterEach(async () => {
    for (const writer of writers.splice(0)) await kill(writer);
    await rm(dataDir, { recursive: true, force: true });
  });

  /** A process that writes until it is killed; `written` is what it knows to be in the database. */
  function startWriter(): { process: ChildProcess; written: () => number; complaint: () => string } {
    let [output, complaint] = ['', ''];
    const child = spawn(process.execPath, [WRITER, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    writers.push(child);
    // The last line may be cut; then it is not known.
    return {
      process: child,
      written: () => Number(output.split('\n').at(-2) ?? -1),
      complaint: () => complaint,
    };
  }

  it('keeps what was committed when its process is killed, and is free at once', async () => {
    await copyPglite(dataDir);
    let atLeast = 0;
    for (let round = 0; round < 3; round += 1) {
      const writer = startWriter();
      while (writer.written() < 50) await sleep(10);
      await sleep(Math.random() * 100);
      await kill(writer.process);
      atLeast += writer.written();
    }
    const database = await PgliteDatabase.open(folder);
    const [row] = await database.query<{ count: number }>('SELECT count(*) AS count FROM numbers');
    await database.close();
    expect(row?.count).toBeGreaterThanOrEqual(atLeast);
  });

  it('is of one process: a second one is told so, and does it no harm', async () => {
    await copyPglite(dataDir);
    const database = await PgliteDatabase.open(folder);
    const second = startWriter();
    const [code] = await once(second.process, 'close');
    expect({ code, complaint: second.complaint() }).toEqual({
      code: 1,
      complaint: expect.stringContaining('is in use by another process'),
    });
    await expect(PgliteDatabase.open(folder)).rejects.toMatchObject(UNAVAILABLE);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.close();
    const third = startWriter();
    while (third.written() < 1) await sleep(10);
  });

  it('is not there before it is complete, so that a kill at the first start leaves nothing broken', async () => {
    const writer = startWriter();
    while (!existsSync(`${folder}.new`)) await sleep(5);
    await sleep(300);
    await kill(writer.process);
    expect(existsSync(folder)).toBe(false);
    const database = await PgliteDatabase.open(folder);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.close();
  });

  it('that is broken is unavailable, and no reason to die', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'PG_VERSION'), '7');
    await expect(PgliteDatabase.open(folder)).rejects.toMatchObject(UNAVAILABLE);
  });
});

describe('PGlite in the service', () => {
  let dataDir: string;
  let floor: DeliveryFloor;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-pglite-'));
    await copyPglite(dataDir);
    floor = await startDeliveryFloor({ DATA_DIR: dataDir });
  });
  afterAll(async () => {
    await floor.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('is opened when it is first needed, for all at once, and blocks nobody meanwhile', async () => {
    const fresh = await startDeliveryFloor();
    const { database, queue } = fresh;
    expect(database.isUsed()).toBe(false);
    let [longestMs, lastMs] = [0, performance.now()];
    const ticking = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 10);
    const opened = await Promise.all([database.open(), database.open(), queue.take('small', 1)]);
    clearInterval(ticking);
    expect(longestMs).toBeLessThan(HICCUP_MS);
    expect(opened[0]).toBe(opened[1]);
    expect(database.isUsed()).toBe(true);
    await fresh.close();
  });

  it('is opened anew after its thread ended', async () => {
    const { database, queue } = floor;
    const opened = await database.open();
    const work = database.use(async (engine) => {
      await engine.database.close();
      return engine.database.query('SELECT 1');
    });
    await expect(work).rejects.toMatchObject(UNAVAILABLE);
    expect(database.opened).toBe(false);
    expect(await opened.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await queue.take('small', 1)).toEqual([]);
  });

  it('takes no statement past the transaction that it is in, where it would wait for itself', async () => {
    const opened = await floor.database.open();
    const before = floor.circuits.reports().database?.failure_count;
    const nested = opened.transaction(() => opened.query('SELECT 1'));
    await expect(nested).rejects.toThrow('through the transaction');
    expect(floor.circuits.reports().database?.failure_count).toBe(before);
  });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}
