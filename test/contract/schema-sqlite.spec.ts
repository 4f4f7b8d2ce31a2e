import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openDatabase } from '../../src/database/open-database.js';
import { SchemaRefused } from '../../src/database/schema/schema-refused.js';
import { SCHEMA_VERSION } from '../../src/database/schema/schema-version.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { CAUSE, columnsOf, indexesOf } from './schema-columns.js';

const LIMITS = { poolSize: 4, connectTimeoutMs: 30_000, statementTimeoutMs: 30_000 };

describe('the tables in SQLite', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ingester-schema-'));
    path = join(folder, 'database.sqlite');
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Does something with the file as another program would. */
  function directly<T>(use: (database: DatabaseSync) => T): T {
    const database = new DatabaseSync(path);
    try {
      return use(database);
    } finally {
      database.close();
    }
  }

  const everything = (): unknown[] =>
    directly((database) => [
      ...database.prepare('SELECT * FROM sqlite_schema').all(),
      database.prepare('PRAGMA user_version').get(),
    ]);

  async function expectRefused(): Promise<void> {
    const before = everything();
    const refused = openDatabase(path);
    await expect(refused).rejects.toBeInstanceOf(SchemaRefused);
    const message = expect.stringMatching(
      /^[^\n]*database\.sqlite has the tables of another version of Ingester.*$/,
    );
    await expect(refused).rejects.toMatchObject({ ...CAUSE, cause: { message } });
    expect(everything()).toEqual(before);
  }

  it('are made once, and left as they are by who opens them again', async () => {
    const identity = 'SELECT database_id FROM ingester.identity';
    const first = await openDatabase(path);
    const before = await first.query(identity);
    await first.close();
    const again = await openDatabase(path);
    expect(await again.query(identity)).toEqual(before);
    await again.close();
    expect(before).toHaveLength(1);
  });

  it.each([SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])(
    'of version %i are refused in one line, and left as they are',
    async (version) => {
      await (await openDatabase(path)).close();
      directly((database) => database.exec(`PRAGMA user_version = ${version}`));
      await expectRefused();
    },
  );

  it('of another program are refused, and left as they are', async () => {
    directly((database) => database.exec('CREATE TABLE mine (n int)'));
    await expectRefused();
  });

  it('that are refused are let go of, and made anew once the file is empty', async () => {
    directly((database) => database.exec('CREATE TABLE mine (n int)'));
    await expectRefused();
    directly((database) => database.exec('DROP TABLE mine'));
    const database = await openDatabase(path);
    await database.close();
  });
});

describe('the tables of both databases', () => {
  let postgres: PostgresDatabases;

  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(() => postgres.dispose());

  it('are the same, with the same columns and indexes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ingester-schema-'));
    const embedded = await openDatabase(join(folder, 'database.sqlite'));
    const server = await openDatabase({ ...LIMITS, url: await postgres.newPreparedDatabase() });
    const columns = await columnsOf(embedded, 'sqlite');
    expect(columns.tasks).toMatchObject({ task_id: 'needed', lease_owner: 'optional' });
    expect(columns).toEqual(await columnsOf(server, 'postgres'));
    const indexes = await indexesOf(embedded, 'sqlite');
    expect(indexes).toContain('tasks_due');
    expect(indexes).toEqual(await indexesOf(server, 'postgres'));
    await Promise.all([embedded.close(), server.close()]);
    await rm(folder, { recursive: true });
  });
});
