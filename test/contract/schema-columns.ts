import type { Sql } from '../../src/database/sql.js';

/** What all are told whose database cannot be used; the reason is in the log. */
export const CAUSE = { code: 'QUEUE_UNAVAILABLE', status: 503 };

/** The columns of all tables, as both databases tell them: name, and whether there may be nothing in it. */
export type Columns = Readonly<Record<string, Readonly<Record<string, 'needed' | 'optional'>>>>;

interface ColumnRow {
  readonly table_name: string;
  readonly column_name: string;
  /** 1 where there must be something in it. */
  readonly needed: number;
}

const COLUMNS = {
  postgres: `SELECT table_name, column_name, CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END AS needed
    FROM information_schema.columns JOIN pg_tables ON schemaname = table_schema AND tablename = table_name
    WHERE table_schema = 'ingester' AND table_name <> 'schema_version'`,
  sqlite: `SELECT t.name AS table_name, c.name AS column_name, max(c."notnull", min(c.pk, 1)) AS needed
    FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'`,
};
const INDEXES = {
  postgres: `SELECT indexname AS name FROM pg_indexes
    WHERE schemaname = 'ingester' AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'`,
  sqlite: `SELECT name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite_%'`,
};

export async function columnsOf(sql: Sql, backend: keyof typeof COLUMNS): Promise<Columns> {
  const rows = await sql.query<ColumnRow>(COLUMNS[backend]);
  const tables = Object.groupBy(rows, ({ table_name: name }) => name);
  return Object.fromEntries(
    Object.entries(tables).map(([name, columns = []]) => [
      name,
      Object.fromEntries(
        columns.map(({ column_name: column, needed }) => [column, needed === 1 ? 'needed' : 'optional']),
      ),
    ]),
  );
}

/** The indexes that are not there for a key. */
export async function indexesOf(sql: Sql, backend: keyof typeof INDEXES): Promise<string[]> {
  const rows = await sql.query<{ name: string }>(INDEXES[backend]);
  return rows.map(({ name }) => name).toSorted();
}
