import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { startPostgres } from './postgres-server.js';

/** A PostgreSQL that others run, as docker-compose.test.yml does; its user may create databases. Unset: we start one. */
const givenUrl = process.env.TEST_DATABASE_URL;

/** Empty databases, for tests that do not care what becomes of their server. */
export interface PostgresDatabases {
  /** Makes an empty database and gives its URL. */
  newDatabase(): Promise<string>;
  /** Removes them, whoever is still connected. */
  dispose(): Promise<void>;
}

/** Opens the server of `TEST_DATABASE_URL`, else starts one of its own. */
export async function openPostgres(): Promise<PostgresDatabases> {
  return givenUrl ? databasesAt(givenUrl) : startPostgres();
}

async function databasesAt(url: string): Promise<PostgresDatabases> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const names: string[] = [];
  return {
    newDatabase: async () => {
      const name = `test_${randomUUID().replaceAll('-', '')}`;
      await client.query(`CREATE DATABASE ${name}`);
      names.push(name);
      return Object.assign(new URL(url), { pathname: name }).href;
    },
    dispose: async () => {
      for (const name of names) await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await client.end();
    },
  };
}
