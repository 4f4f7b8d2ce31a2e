import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { LedgerPromises } from '../../src/delivery/ledger/ledger-promises.service.js';
import type { Database, Sql } from '../../src/delivery/database/sql.js';
import { type Given, insertUpload, NOW } from './delivery-subject.js';

/** What both databases promise to the delivery room. */
export function databaseContract(given: Given): void {
  keepsValues(given);
  keepsTransactions(given);
  separatesTransactions(given);
  tellsErrorsApart(given);
  knowsItself(given);
}

function keepsValues(given: Given): void {
  it('gives back what was written, in the types that are promised', async () => {
    const { database } = given();
    const values = [
      Number.MAX_SAFE_INTEGER,
      new Date('2026-11-20T10:00:00.123Z'),
      ['a "b"', 'c,d', ''],
      null,
    ];
    const [row] = await database.query(
      'SELECT $1::bigint AS big, $2::timestamptz AS at, $3::text[] AS list, $4::text AS nothing, $5::jsonb AS json',
      [...values, JSON.stringify({ tags: ['x'], n: 1.5 })],
    );
    expect(row).toEqual({
      big: values[0],
      at: values[1],
      list: values[2],
      nothing: null,
      json: { tags: ['x'], n: 1.5 },
    });
  });

  it('gives no rows for what is not there', async () => {
    expect(await given().database.query('SELECT 1 WHERE false')).toEqual([]);
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
      await tx.query('SELECT 1/0').catch(() => undefined);
    });
    await expect(failing).rejects.toMatchObject({ code: '22012' });
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
    const { one, other } = given();
    const databases = [await one.database.open(), await other.database.open()];
    const uploadId = await insertUpload(given().database);
    const add = (database: Database): Promise<unknown> =>
      database.transaction(async (tx) => {
        const [row] = await tx.query<{ revision: number }>(
          'SELECT revision FROM ingester.uploads WHERE upload_id = $1 FOR UPDATE',
          [uploadId],
        );
        await tx.query('UPDATE ingester.uploads SET revision = $2 WHERE upload_id = $1', [
          uploadId,
          (row?.revision ?? 0) + 1,
        ]);
      });
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => add(databases[index % 2] ?? given().database)),
    );
    const rows = await given().database.query('SELECT revision FROM ingester.uploads WHERE upload_id = $1', [
      uploadId,
    ]);
    expect(rows).toEqual([{ revision: 21 }]);
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

function tellsErrorsApart(given: Given): void {
  it('says which constraint a statement broke, and does not blame the database for it', async () => {
    const { database, one } = given();
    const uploadId = await insertUpload(database);
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await expect(insertUpload(database, uploadId)).rejects.toMatchObject({ code: '23505' });
    }
    await expect(database.query('SELEC 1')).rejects.toMatchObject({ code: '42601' });
    expect(one.circuits.reports().database).toMatchObject({ state: 'closed', failure_count: 0 });
  });

  it('refuses states that do not exist', async () => {
    const { database } = given();
    const uploadId = await insertUpload(database);
    await expect(
      database.query("UPDATE ingester.uploads SET status = 'lost' WHERE upload_id = $1", [uploadId]),
    ).rejects.toMatchObject({ code: '23514' });
  });
}

function knowsItself(given: Given): void {
  it('is the same to all processes, and says whether it has promised anything', async () => {
    const [one, other] = [given().one, given().other].map(({ database }) => new LedgerPromises(database));
    const before = await one?.origin();
    await insertUpload(given().database);
    expect(await other?.origin()).toEqual({ databaseId: before?.databaseId, hasPromised: true });
    expect(before?.databaseId).toMatch(/^[0-9a-f-]{36}$/);
  });
}

async function note(sql: Sql, subject: string): Promise<void> {
  await sql.query('INSERT INTO ingester.audit (at, who, action, subject) VALUES ($1, $2, $3, $4)', [
    NOW,
    'test',
    'note',
    subject,
  ]);
}

async function notes(sql: Sql, subject: string): Promise<number> {
  const [row] = await sql.query<{ count: number }>(
    'SELECT count(*) AS count FROM ingester.audit WHERE subject = $1',
    [subject],
  );
  return row?.count ?? 0;
}
