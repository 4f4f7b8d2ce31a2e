import { uploadsAndTasks } from './migrations/0001-uploads-and-tasks.js';
import { audit } from './migrations/0002-audit.js';
import { unaskedTargets } from './migrations/0003-unasked-targets.js';
import { identityAndDoubts } from './migrations/0004-identity-and-doubts.js';
import { removals } from './migrations/0005-removals.js';
import type { Database, Sql } from './sql.js';

/**
 * The schema, one list of statements a version; the first is version 1. A version that was released is never changed.
 * While replicas are replaced one by one, the old ones run on the new schema: a version adds, and takes away only what
 * the version before no longer used.
 */
const MIGRATIONS: readonly (readonly string[])[] = [
  uploadsAndTasks,
  audit,
  unaskedTargets,
  identityAndDoubts,
  removals,
];

/** Brings the schema `ingester` to the newest version, all or nothing; by one process at a time. @throws QUEUE_UNAVAILABLE */
export function migrate(database: Database): Promise<void> {
  return database.transaction(async (tx) => {
    await tx.query('CREATE SCHEMA IF NOT EXISTS ingester');
    await tx.query(`CREATE TABLE IF NOT EXISTS ingester.schema_versions (
      version int PRIMARY KEY,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
    const current = await currentVersion(tx);
    for (const [index, statements] of MIGRATIONS.entries()) {
      if (index + 1 > current) await apply(tx, index + 1, statements);
    }
  });
}

async function currentVersion(tx: Sql): Promise<number> {
  const [row] = await tx.query<{ version: number | null }>(
    'SELECT max(version) AS version FROM ingester.schema_versions',
  );
  return row?.version ?? 0;
}

async function apply(tx: Sql, version: number, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await tx.query(statement);
  await tx.query('INSERT INTO ingester.schema_versions (version) VALUES ($1)', [version]);
}
