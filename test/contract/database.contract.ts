import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { Database } from '../../src/database/database.service.js';
import type { Sql } from '../../src/database/sql.js';

import { LedgerPromises } from '../../src/delivery/ledger/ledger-promises.service.js';
import { type Given, insertUpload } from './delivery-subject.js';

/** How each says that a value is there already, that a value may not be, and that it does not understand. */
const WORDS = {
  postgres: { unique: { code: '23505' }, check: { code: '23514' }, syntax: { code: '42601' } },
  // The numbers are SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_CHECK and SQLITE_ERROR.
  sqlite: { unique: { errcode: 1_555 }, check: { errcode: 275 }, syntax: { errcode: 1 } },
};
const TAKEN_ID = `INSERT INTO ingester.identity (only_one, database_id) VALUES (1, '${randomUUID()}')`;

/** What both databases promise. */
export function databaseContract(given: Given): void {
  keepsValues(given);
  keepsTransactions(given);
  separatesTransactions(given);
  hidesWhatIsNotCommitted(given);
  tellsErrorsApart(given);
  tellsTheTime(given);
  letsForget(given);
  knowsItself(given);
}

function keepsValues(given: Given): void {
  it('gives back what was written, in the types that are promised', async () => {
    const { database } = given();
    const uploadId = (await insertUpload(database)) ?? '';
    const json = JSON.stringify({ list: ['a "b"', 'c,d', ''], n: 1.5, text: 'ä\u{1f4be}\n' });
    const written = [json, Number.MAX_SAFE_INTEGER, null];
    await database.query(
      'UPDATE ingester.uploads SET request = $2, finished_at = $3, file_id = $4 WHERE upload_id = $1',
      [uploadId, ...written],
    );
    const rows = await database.query(
      'SELECT request, finished_at, file_id, revision, size FROM ingester.uploads WHERE upload_id = $1',
      [uploadId],
    );
    expect(rows).toMatchObject([
      { request: json, finished_at: written[1], file_id: null, revision: 1, size: Number.MAX_SAFE_INTEGER },
    ]);
  });

  it('counts with numbers', async () => {
    const { database } = given();
    await note(database, randomUUID());
    const [row] = await database.query<{ count: number }>('SELECT count(*) AS count FROM ingester.audit');
    expect(row?.count).toBeGreaterThanOrEqual(1);
  });

  it('gives no rows for what is not there', async () => {
    expect(await given().database.query('SELECT 1 WHERE 1 = 2')).toEqual([]);
  });
}

function keepsTransactions(given: Given): void {
  it('rolls back a transaction whose work throws', async () => {
    const { database } = given();
    const subject = randomUUID();
    const failing = database.transaction(async (tx) => {
      await note(tx, subject);
      throw new RangeError('no more');
    });
    await expect(failing).rejects.toThrow('no more');
    expect(await notes(database, subject)).toBe(0);
  });

  it('does not commit after a statement failed, also where the work goes on', async () => {
    const { database } = given();
    const subject = randomUUID();
    const failing = database.transaction(async (tx) => {
      await note(tx, subject);
      await tx.query(TAKEN_ID).catch(() => undefined);
    });
    await expect(failing).rejects.toMatchObject(WORDS[database.backend].unique);
    expect(await notes(database, subject)).toBe(0);
  });

  it('takes no more statements after one failed', async () => {
    const { database } = given();
    const { unique } = WORDS[database.backend];
    const subject = randomUUID();
    const failing = database.transaction(async (tx) => {
      await tx.query(TAKEN_ID).catch(() => undefined);
      await expect(note(tx, subject)).rejects.toMatchObject(unique);
    });
    await expect(failing).rejects.toMatchObject(unique);
    expect(await notes(database, subject)).toBe(0);
  });

  it('takes no statement for a transaction that is over', async () => {
    const { database } = given();
    const ended = await database.transaction((tx) => Promise.resolve(tx));
    await expect(ended.query('SELECT 1')).rejects.toThrow('over');
  });
}

function separatesTransactions(given: Given): void {
  it('loses no update of transactions at once', async () => {
    const { database, one, other } = given();
    const uploadId = (await insertUpload(database)) ?? '';
    const add = (process: Database): Promise<unknown> =>
      process.transaction(async (tx) => {
        const [row] = await tx.query<{ revision: number }>(
          'SELECT revision FROM ingester.uploads WHERE upload_id = $1 FOR UPDATE',
          [uploadId],
        );
        await tx.query('UPDATE ingester.uploads SET revision = $2 WHERE upload_id = $1', [
          uploadId,
          (row?.revision ?? 0) + 1,
        ]);
      });
    await Promise.all(Array.from({ length: 20 }, (_, index) => add((index % 2 ? one : other).database)));
    const [row] = await database.query<{ revision: number }>(
      'SELECT revision FROM ingester.uploads WHERE upload_id = $1',
      [uploadId],
    );
    expect(row?.revision).toBe(21);
  });

  it('does not let what is outside a transaction into it', async () => {
    const { database } = given();
    const subject = randomUUID();
    const begun = Promise.withResolvers<void>();
    const outside = begun.promise.then(() => note(database, subject));
    const rolledBack = database.transaction(async (tx) => {
      await note(tx, subject);
      begun.resolve();
      await sleep(50);
      throw new RangeError('no more');
    });
    await expect(rolledBack).rejects.toThrow('no more');
    await outside;
    expect(await notes(database, subject)).toBe(1);
  });
}

function hidesWhatIsNotCommitted(given: Given): void {
  it('shows nobody else what is not committed', async () => {
    const { database, other } = given();
    const subject = randomUUID();
    const written = Promise.withResolvers<void>();
    const looked = written.promise.then(() => notes(other.database, subject));
    const seen = await database.transaction(async (tx) => {
      await note(tx, subject);
      written.resolve();
      // With SQLite they wait until the transaction is over, and see what it has committed then.
      return database.backend === 'postgres' ? looked : 0;
    });
    expect(seen).toBe(0);
    expect(await notes(other.database, subject)).toBe(1);
    await looked;
  });
}

function tellsErrorsApart(given: Given): void {
  it('says what is wrong with a statement, and does not blame the database for it', async () => {
    const { database, one } = given();
    const { unique, syntax } = WORDS[database.backend];
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await expect(database.query(TAKEN_ID)).rejects.toMatchObject(unique);
    }
    await expect(database.query('SELEC 1')).rejects.toMatchObject(syntax);
    await expect(database.transaction((tx) => tx.query('SELEC 1'))).rejects.toMatchObject(syntax);
    expect(one.circuits.reports().database).toMatchObject({ state: 'closed', failure_count: 0 });
  });

  it('refuses states that do not exist', async () => {
    const { database } = given();
    const uploadId = (await insertUpload(database)) ?? '';
    await expect(
      database.query("UPDATE ingester.uploads SET status = 'lost' WHERE upload_id = $1", [uploadId]),
    ).rejects.toMatchObject(WORDS[database.backend].check);
  });

  it('removes with an upload what refers to it', async () => {
    const { database } = given();
    const uploadId = (await insertUpload(database)) ?? '';
    const events = 'SELECT revision FROM ingester.events WHERE upload_id = $1';
    expect(await database.query(events, [uploadId])).toHaveLength(1);
    await database.query('DELETE FROM ingester.uploads WHERE upload_id = $1', [uploadId]);
    expect(await database.query(events, [uploadId])).toEqual([]);
  });
}

function tellsTheTime(given: Given): void {
  it('has time stand still within a transaction, and not between two', async () => {
    const { database } = given();
    const [first, last] = await database.transaction(async (tx) => {
      const begin = await databaseNowMs(tx);
      await sleep(20);
      return [begin, await databaseNowMs(tx)];
    });
    expect(last).toBe(first);
    expect(Number.isInteger(first)).toBe(true);
    expect(await databaseNowMs(database)).toBeGreaterThanOrEqual((first ?? Infinity) + 20);
    expect(Math.abs((await databaseNowMs(database)) - Date.now())).toBeLessThan(60_000);
  });
}

/** What each says of how it commits. */
const COMMIT_MODE = { postgres: 'SHOW synchronous_commit', sqlite: 'PRAGMA synchronous' };
const COMMIT_MODES = {
  postgres: [{ synchronous_commit: 'off' }, { synchronous_commit: 'on' }],
  // 1 is NORMAL, 2 is FULL.
  sqlite: [{ synchronous: 1 }, { synchronous: 2 }],
};

function letsForget(given: Given): void {
  it('waits for the disk, but not for what may be forgotten', async () => {
    const { database } = given();
    const subject = randomUUID();
    const modeWith = (durable?: boolean): Promise<object | undefined> =>
      database.transaction(
        async (tx) => {
          await note(tx, subject);
          const [mode] = await tx.query(COMMIT_MODE[database.backend]);
          return { ...mode };
        },
        durable === undefined ? undefined : { durable },
      );
    const modes = [await modeWith(false), await modeWith(), await modeWith(false), await modeWith(true)];
    const [off, on] = COMMIT_MODES[database.backend];
    expect(modes).toEqual([off, on, off, on]);
    await modeWith(false);
    const [alone] = await database.query(COMMIT_MODE[database.backend]);
    expect({ ...alone }).toEqual(on);
    expect(await notes(database, subject)).toBe(5);
  });
}

function knowsItself(given: Given): void {
  it('is the same to all processes', async () => {
    const [one, other] = [given().one, given().other].map(({ database, replicas }) => {
      return new LedgerPromises(database, replicas);
    });
    expect(await one?.databaseId()).toMatch(/^[0-9a-f-]{36}$/);
    expect(await other?.databaseId()).toBe(await one?.databaseId());
  });
}

async function note(sql: Sql, subject: string): Promise<void> {
  await sql.query(
    'INSERT INTO ingester.audit (at, who, action, subject) VALUES (ingester.now_ms(), $1, $2, $3)',
    ['test', 'note', subject],
  );
}

async function notes(sql: Sql, subject: string): Promise<number> {
  const [row] = await sql.query<{ count: number }>(
    'SELECT count(*) AS count FROM ingester.audit WHERE subject = $1',
    [subject],
  );
  return row?.count ?? 0;
}

async function databaseNowMs(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ now: number }>('SELECT ingester.now_ms() AS now');
  return row?.now ?? 0;
}
