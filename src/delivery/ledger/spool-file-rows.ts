import { listOf, rowsOf } from '../../database/rows.js';
import type { Sql } from '../../database/sql.js';

/** What the database says of a file in the spool. */
export type SpoolPromise =
  /** It is needed: it waits, is delivered, or is a dead letter. */
  | 'promised'
  /** It is needed no more: its upload is stored, cancelled, expired or dropped, or has another file. */
  | 'finished';

/*
 * The name of every file that was promised, and of those that nobody may promise any more. It stands between who promises
 * and who sweeps: each of them writes it down first, and only one can.
 */

/**
 * Names of files that uploads have are promised to them from now on. Gives those that could be: where an upload has it and
 * it is not given, the file is being removed.
 */
export async function insertSpoolFiles(
  sql: Sql,
  files: readonly { readonly name: string; readonly uploadId: string }[],
): Promise<ReadonlySet<string>> {
  if (files.length === 0) return new Set();
  const { text, values } = rowsOf(
    ['text', 'uuid'],
    files.map(({ name, uploadId }) => [name, uploadId]),
  );
  const rows = await sql.query<{ name: string }>(
    `INSERT INTO ingester.spool_files (name, upload_id) SELECT column1, column2
    FROM (VALUES ${text}) AS kept JOIN ingester.uploads ON upload_id = column2 AND spool_file = column1
    WHERE true ON CONFLICT (name) DO NOTHING RETURNING name`,
    values,
  );
  return new Set(rows.map(({ name }) => name));
}

/** Sees to it that files of these names are promised to nobody any more. Gives those that are not promised already. */
export async function refuseSpoolFiles(sql: Sql, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return [];
  // In one order, so that two who sweep never wait for each other.
  const { text, values } = rowsOf(
    ['text'],
    names.toSorted().map((name) => [name]),
  );
  const rows = await sql.query<{ name: string }>(
    `INSERT INTO ingester.spool_files (name, refused_at) SELECT column1, ingester.now_ms() FROM (VALUES ${text}) AS refused
    WHERE true ON CONFLICT (name) DO NOTHING RETURNING name`,
    values,
  );
  return rows.map(({ name }) => name);
}

/** What is known of files of these names; one that has no row is absent. What was refused counts as finished. */
export async function findSpoolFiles(
  sql: Sql,
  names: readonly string[],
): Promise<ReadonlyMap<string, SpoolPromise>> {
  if (names.length === 0) return new Map();
  const rows = await sql.query<{ name: string; spool_file: string | null }>(
    `SELECT f.name, u.spool_file FROM ingester.spool_files f LEFT JOIN ingester.uploads u ON u.upload_id = f.upload_id
    WHERE f.name IN (${listOf(names.length)})`,
    names,
  );
  return new Map(rows.map(({ name, spool_file: file }) => [name, file === name ? 'promised' : 'finished']));
}

/** Forgets names that were refused more than `ageMs` ago: nobody comes with one of them any more. */
export async function forgetRefused(sql: Sql, ageMs: number): Promise<void> {
  await sql.query('DELETE FROM ingester.spool_files WHERE refused_at < ingester.now_ms() - $1::bigint', [
    ageMs,
  ]);
}
