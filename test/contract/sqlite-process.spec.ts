import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqliteDatabase } from '../../src/database/sqlite-database.js';

const WRITER = join(import.meta.dirname, '../support/sqlite-writer.js');
const UNAVAILABLE = { code: 'QUEUE_UNAVAILABLE', status: 503 };

describe('the file of SQLite', () => {
  let folder: string;
  let path: string;
  const writers: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ingester-sqlite-'));
    path = join(folder, 'data', 'database.sqlite');
  });
  afterEach(async () => {
    for (const writer of writers.splice(0)) await kill(writer);
    await rm(folder, { recursive: true, force: true });
  });

  /** A process that writes until it is killed; `written` is what it knows to be in the database. */
  function startWriter(): { process: ChildProcess; written: () => number; complaint: () => string } {
    let [output, complaint] = ['', ''];
    const child = spawn(process.execPath, [WRITER, path], { stdio: ['ignore', 'pipe', 'pipe'] });
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

  async function numbers(database: SqliteDatabase): Promise<number> {
    const [row] = await database.query<{ count: number }>('SELECT count(*) AS count FROM numbers');
    return row?.count ?? 0;
  }

  it('keeps what was committed when its process is killed, and is free at once', async () => {
    let atLeast = 0;
    for (let round = 0; round < 4; round += 1) {
      const writer = startWriter();
      while (writer.written() < 50) await sleep(10);
      await sleep(Math.random() * 100);
      await kill(writer.process);
      atLeast += writer.written();
      const database = await SqliteDatabase.open(path);
      expect(await numbers(database)).toBeGreaterThanOrEqual(atLeast);
      expect(await database.query('PRAGMA integrity_check')).toMatchObject([{ integrity_check: 'ok' }]);
      await database.close();
    }
  });

  it('is of one process: a second one is told so in one line, and does it no harm', async () => {
    const inUse = `${path} is in use by another process; processes share a PostgreSQL that DATABASE_URL names`;
    const database = await SqliteDatabase.open(path);
    // Of two in one process, the system would let the second one end the lock of the first one.
    for (let time = 0; time < 2; time += 1) {
      const refused = { ...UNAVAILABLE, cause: { message: inUse } };
      await expect(SqliteDatabase.open(path)).rejects.toMatchObject(refused);
    }
    const second = startWriter();
    const [code] = await once(second.process, 'close');
    expect({ code, complaint: second.complaint() }).toEqual({ code: 1, complaint: inUse });
    expect(await database.query('SELECT 1 AS one')).toMatchObject([{ one: 1 }]);
    await database.close();
    const third = startWriter();
    while (third.written() < 1) await sleep(10);
  });

  it('is one file again once it is closed', async () => {
    const database = await SqliteDatabase.open(path);
    await database.query('CREATE TABLE numbers (n int)');
    expect((await readdir(join(folder, 'data'))).toSorted()).toEqual([
      'database.sqlite',
      'database.sqlite-wal',
    ]);
    await database.close();
    expect(await readdir(join(folder, 'data'))).toEqual(['database.sqlite']);
  });

  it.each([
    ['broken', 'this is no database at all'.repeat(200)],
    ['cut short', 'SQLite format 3\0'],
  ])('that is %s is unavailable, and no reason to die', async (_, content) => {
    path = join(folder, 'database.sqlite');
    await writeFile(path, content);
    await expect(SqliteDatabase.open(path)).rejects.toMatchObject(UNAVAILABLE);
    await expect(SqliteDatabase.open(folder)).rejects.toMatchObject(UNAVAILABLE);
  });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'close');
}
