import type { SqlDatabase } from '../sql.js';
import { POSTGRES_SCHEMA } from './postgres-schema.js';
import { SchemaRefused } from './schema-refused.js';
import { SCHEMA_VERSION } from './schema-version.js';

/** Any number, as long as it stays the same: replicas that start at once wait for each other at it. */
const LOCK_KEY = 4_842_101_637;

/** Makes the tables where there are none; all or nothing. @throws SchemaRefused, QUEUE_UNAVAILABLE */
export function preparePostgres(database: SqlDatabase): Promise<void> {
  return database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
    const [schema] = await tx.query<{ empty: boolean; versioned: boolean }>(
      `SELECT to_regclass('ingester.schema_version') IS NOT NULL AS versioned,
        NOT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = 'ingester') AS empty`,
    );
    if (schema?.empty) {
      await tx.query('CREATE SCHEMA IF NOT EXISTS ingester');
      for (const statement of POSTGRES_SCHEMA) await tx.query(statement);
      await tx.query(`CREATE TABLE ingester.schema_version AS SELECT ${SCHEMA_VERSION} AS version`);
      return;
    }
    const found = schema?.versioned
      ? await tx.query<{ version: number }>('SELECT version FROM ingester.schema_version')
      : [];
    if (found[0]?.version !== SCHEMA_VERSION) throw new SchemaRefused('The database of DATABASE_URL');
  });
}
