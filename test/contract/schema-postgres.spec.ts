import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { openDatabase } from '../../src/database/open-database.js';
import { SchemaRefused } from '../../src/database/schema/schema-refused.js';
import { SCHEMA_VERSION } from '../../src/database/schema/schema-version.js';
import type { SqlDatabase } from '../../src/database/sql.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { CAUSE } from './schema-columns.js';

const LIMITS = { poolSize: 4, connectTimeoutMs: 30_000, statementTimeoutMs: 30_000 };
const EVERYTHING = `SELECT table_name, column_name, data_type FROM information_schema.columns
  WHERE table_schema = 'ingester' ORDER BY table_name, column_name`;

describe('the tables in PostgreSQL', () => {
  let postgres: PostgresDatabases;

  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(() => postgres.dispose());

  const open = (url: string): Promise<SqlDatabase> => openDatabase({ ...LIMITS, url });

  async function query(url: string, ...texts: string[]): Promise<object[]> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      let rows: object[] = [];
      for (const text of texts) rows = (await client.query<object>(text)).rows;
      return rows;
    } finally {
      await client.end();
    }
  }

  async function expectRefused(url: string): Promise<void> {
    const before = await query(url, EVERYTHING);
    const refused = open(url);
    await expect(refused).rejects.toBeInstanceOf(SchemaRefused);
    await expect(refused).rejects.toMatchObject({
      ...CAUSE,
      cause: {
        message: expect.stringMatching(
          /^The database of DATABASE_URL has the tables of another version of Ingester.*$/,
        ),
      },
    });
    expect(await query(url, EVERYTHING)).toEqual(before);
  }

  it('are made once by all who come at once', async () => {
    const url = await postgres.newDatabase();
    const databases = await Promise.all(Array.from({ length: 5 }, () => open(url)));
    const identities = databases.map((database) =>
      database.query('SELECT database_id FROM ingester.identity'),
    );
    const ids = new Set((await Promise.all(identities)).flat().map((row) => JSON.stringify(row)));
    expect(ids.size).toBe(1);
    expect(await query(url, 'SELECT version FROM ingester.schema_version')).toEqual([
      { version: SCHEMA_VERSION },
    ]);
    await Promise.all(databases.map((database) => database.close()));
  });

  it('are left as they are by who opens them again', async () => {
    const url = await postgres.newDatabase();
    await (await open(url)).close();
    const before = await query(url, 'SELECT * FROM ingester.identity');
    await (await open(url)).close();
    expect(await query(url, 'SELECT * FROM ingester.identity')).toEqual(before);
  });

  it('are made in a schema that an operator has made', async () => {
    const url = await postgres.newDatabase();
    await query(url, 'CREATE SCHEMA ingester');
    const database = await open(url);
    expect(await database.query('SELECT 1 FROM ingester.tasks')).toEqual([]);
    await database.close();
  });

  it.each([SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])(
    'of version %i are refused in one line, and left as they are',
    async (version) => {
      const url = await postgres.newPreparedDatabase();
      await query(url, `UPDATE ingester.schema_version SET version = ${version}`);
      await expectRefused(url);
      expect(await query(url, 'SELECT version FROM ingester.schema_version')).toEqual([{ version }]);
    },
  );

  it('of a version that was migrated are refused, and left as they are', async () => {
    const url = await postgres.newDatabase();
    await query(
      url,
      'CREATE SCHEMA ingester',
      'CREATE TABLE ingester.schema_versions (version int PRIMARY KEY)',
      'INSERT INTO ingester.schema_versions VALUES (5)',
    );
    await expectRefused(url);
    expect(await query(url, 'SELECT version FROM ingester.schema_versions')).toEqual([{ version: 5 }]);
  });
});
