import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PostgresServer, startPostgres } from './postgres-server.ts';

/** What a run has once, for all of its spec files: a PostgreSQL server, and a folder for what they prepare. */
export interface TestRun {
  readonly folder: string;
  readonly server: PostgresServer | undefined;
}

declare global {
  var testRun: TestRun | undefined;
}

/** Jest hands nothing but the environment on to its workers, and a global to the end of the run. */
export default async function startRun(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ingester-run-'));
  const server = process.env.TEST_DATABASE_URL ? undefined : await startPostgres();
  if (server) process.env.TEST_DATABASE_URL = server.url;
  process.env.TEST_RUN_DIR = folder;
  globalThis.testRun = { folder, server };
}
