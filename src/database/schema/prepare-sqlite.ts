import { randomUUID } from 'node:crypto';
import type { SqlDatabase } from '../sql.js';
import { SchemaRefused } from './schema-refused.js';
import { SCHEMA_VERSION } from './schema-version.js';
import { SQLITE_SCHEMA } from './sqlite-schema.js';

/** Makes the tables where there are none; all or nothing. @throws SchemaRefused, QUEUE_UNAVAILABLE */
export function prepareSqlite(database: SqlDatabase, path: string): Promise<void> {
  return database.transaction(async (tx) => {
    const [header] = await tx.query<{ user_version: number }>('PRAGMA user_version');
    const tables = await tx.query('SELECT 1 FROM sqlite_schema LIMIT 1');
    if (tables.length === 0) {
      for (const statement of SQLITE_SCHEMA) await tx.query(statement);
      await tx.query('INSERT INTO identity (database_id) VALUES ($1)', [randomUUID()]);
      await tx.query(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    } else if (header?.user_version !== SCHEMA_VERSION) throw new SchemaRefused(path);
  });
}
