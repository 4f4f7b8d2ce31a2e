import type { SqlValue } from './sql.js';

/** What the thread of SQLite is started with. */
export interface SqliteStart {
  /** The file of the database. */
  readonly path: string;
}

export interface SqliteRequest {
  readonly id: number;
  readonly text: string;
  readonly values: readonly SqlValue[];
  /** Is the disk to be waited for, by this statement or the transaction that it begins? Unset within one. */
  readonly isDurable?: boolean | undefined;
}

/** An error loses all but its text on the way between threads. */
export interface SqliteFailure {
  readonly message: string;
  /** SQLite's extended result code. */
  readonly errcode?: number;
}

export type SqliteAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'rows'; readonly id: number; readonly rows: object[] }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: SqliteFailure }
  | { readonly kind: 'unusable'; readonly failure: SqliteFailure };
