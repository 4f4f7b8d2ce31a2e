/** What statements are given, and give: text, whole numbers and nothing. Times are milliseconds since 1970; JSON is text. */
export type SqlValue = string | number | null;

/**
 * Statements are written once, for both databases, in what PostgreSQL and SQLite have in common; ADR 17 says how. Tables
 * are in the schema `ingester`, placeholders are `$1`, `$2`, …, and `ingester.now_ms()` is the time of the database.
 */
export interface Sql {
  /** Runs one statement. @throws QUEUE_UNAVAILABLE when the database cannot do its work; else what it says of the statement. */
  query<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<Row[]>;
}

export interface TransactionSql extends Sql {
  /**
   * Has COMMIT follow the statements that were given until now on their way to the database. They are the last ones; where
   * the database refuses one of them, nothing is committed; what is checked of their answers comes too late for that. Gives
   * what `statements` give.
   */
  last<T>(statements: Promise<T>): Promise<T>;
}

export interface TransactionOptions {
  /**
   * False for what may be forgotten when the database is killed, as a lease may: then nobody waits for its disk. What is
   * durable and comes later brings it to the disk as well.
   */
  readonly durable?: boolean;
}

/** An open database. */
export interface SqlDatabase extends Sql {
  readonly backend: 'postgres' | 'sqlite';
  /** Set once it cannot be used any more, for good. Another one can then be opened. */
  readonly lost: boolean;
  /**
   * Commits when `work` returns, and rolls back when it throws; a statement that fails dooms the transaction, also where
   * `work` catches it. Statements are done in the order in which they are given, also where nobody waits for the one before:
   * those that are given together share one way to the database and back. Never repeats `work`.
   * @throws CommitUnknown when the connection broke during the commit
   */
  transaction<T>(work: (tx: TransactionSql) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Calls `hear` with what other processes say on `channel`, as far as that reaches us. */
  listen(channel: string, hear: (message: string) => void): void;
  /** Tells other processes, as far as that reaches them. Never fails. */
  notify(channel: string, message: string): void;
  /** Waits for what is under way, and closes. */
  close(): Promise<void>;
}
