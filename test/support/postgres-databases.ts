import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { openDatabase } from '../../src/database/open-database.js';
import { onceARun } from './once-a-run.js';

/** Databases on the server of the run, for tests that do not care what becomes of their server. */
export interface PostgresDatabases {
  /** Makes an empty database and gives its URL. */
  newDatabase(): Promise<string>;
  /** Makes one with all tables, and an identity of its own, and gives its URL. */
  newPreparedDatabase(): Promise<string>;
  /** Removes them, whoever is still connected. */
  dispose(): Promise<void>;
}

const LIMITS = { poolSize: 4, connectTimeoutMs: 30_000, statementTimeoutMs: 30_000 };
const NEW_IDENTITY = 'UPDATE ingester.identity SET database_id = gen_random_uuid()';

/** Opens the server of `TEST_DATABASE_URL`: that of the run, or one that others run, as docker-compose.test.yml does. */
export async function openPostgres(): Promise<PostgresDatabases> {
  const server = process.env.TEST_DATABASE_URL ?? '';
  const client = new Client({ connectionString: server });
  await client.connect();
  const names: string[] = [];
  let template: Promise<string> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other, as a connection takes one query at a time. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
  const create = async (options = ''): Promise<string> => {
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    await inTurn(() => client.query(`CREATE DATABASE ${name} ${options}`));
    names.push(name);
    return databaseUrl(server, name);
  };
  return {
    newDatabase: () => create(),
    newPreparedDatabase: async () => {
      template ??= inTurn(() => templateName(client, server));
      const url = await create(`TEMPLATE ${await template}`);
      await queryOnce(url, NEW_IDENTITY);
      return url;
    },
    dispose: async () => {
      for (const name of names) await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await client.end();
    },
  };
}

/** The database that others are copied from: one migration a run. */
async function templateName(client: Client, server: string): Promise<string> {
  const folder = await onceARun('postgres', async (made) => {
    const name = `template_${randomUUID().replaceAll('-', '')}`;
    await client.query(`CREATE DATABASE ${name}`);
    await (await openDatabase({ ...LIMITS, url: databaseUrl(server, name) })).close();
    await writeFile(join(made, 'name'), name);
  });
  return readFile(join(folder, 'name'), 'utf8');
}

function databaseUrl(server: string, name: string): string {
  return Object.assign(new URL(server), { pathname: name }).href;
}

async function queryOnce(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}
