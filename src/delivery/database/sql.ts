/**
 * What the delivery room asks of its database; PostgreSQL and PGlite both give it. Placeholders are `$1`, `$2`, … .
 * What comes back: `bigint` as number, `timestamptz` as Date, `jsonb` parsed, `text[]` as an array of strings. What is
 * handed in for `jsonb` is text (`JSON.stringify`), since the two would read an array differently.
 */
export interface Sql {
  /** Runs one statement. @throws QUEUE_UNAVAILABLE when the database cannot be reached; else what it says, with its SQLSTATE as `code`. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface Database extends Sql {
  readonly backend: 'postgres' | 'pglite';
  /**
   * Commits when `work` returns, and rolls back when it throws; a statement that fails dooms the transaction, also where
   * `work` catches it. Never repeats `work`. @throws CommitUnknown when the connection broke during the commit.
   */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
  /** Waits for what is under way, and closes. */
  close(): Promise<void>;
}
