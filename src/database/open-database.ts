import { databaseFailure } from './database-failure.js';
import { PostgresDatabase, type PostgresSettings } from './postgres-database.js';
import { preparePostgres } from './schema/prepare-postgres.js';
import { prepareSqlite } from './schema/prepare-sqlite.js';
import type { SqlDatabase } from './sql.js';
import { SqliteDatabase } from './sqlite-database.js';

/** A PostgreSQL, or the path of a file for SQLite. */
export type DatabaseLocation = PostgresSettings | string;

/** Opens a database with all tables in it, which are made where there are none. @throws QUEUE_UNAVAILABLE, SchemaRefused */
export async function openDatabase(location: DatabaseLocation): Promise<SqlDatabase> {
  if (typeof location !== 'string') {
    const postgres = new PostgresDatabase(location);
    return prepared(postgres, () => preparePostgres(postgres));
  }
  const sqlite = await SqliteDatabase.open(location);
  return prepared(sqlite, () => prepareSqlite(sqlite, location));
}

/** It is closed again where that does not succeed. */
async function prepared(database: SqlDatabase, prepare: () => Promise<void>): Promise<SqlDatabase> {
  try {
    await prepare();
    return database;
  } catch (error) {
    await database.close().catch(() => undefined);
    throw databaseFailure(error);
  }
}
