import { AsyncLocalStorage } from 'node:async_hooks';
import { databaseFailure } from './database-failure.js';
import type { SqlDatabase, SqlValue, TransactionOptions, TransactionSql } from './sql.js';
import { sqliteStatement } from './sqlite-statement.js';
import { SqliteThread } from './sqlite-thread.js';
import { type Send, Transaction } from './transaction.js';

/**
 * SQLite, in a file of this process alone. It has one connection: a transaction has it for itself, and everybody else
 * waits.
 */
export class SqliteDatabase implements SqlDatabase {
  readonly backend = 'sqlite';
  private readonly inTransaction = new AsyncLocalStorage<{ open: boolean }>();
  private last: Promise<unknown> = Promise.resolve();

  private constructor(private readonly thread: SqliteThread) {}

  /** Opens the database in the file `path`, or makes one. @throws QUEUE_UNAVAILABLE when another process has it, or it is broken. */
  static async open(path: string): Promise<SqliteDatabase> {
    try {
      return new SqliteDatabase(await SqliteThread.open({ path }));
    } catch (error) {
      throw databaseFailure(error);
    }
  }

  get lost(): boolean {
    return this.thread.ended;
  }

  query<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<Row[]> {
    return this.alone(() => this.translated(this.thread.ask<Row>(sqliteStatement(text), values, true)));
  }

  transaction<T>(
    work: (tx: TransactionSql) => Promise<T>,
    { durable = true }: TransactionOptions = {},
  ): Promise<T> {
    return this.alone(async () => {
      const scope = { open: true };
      try {
        return await this.inTransaction.run(scope, () =>
          // What comes next follows it on its way, and is not done where it fails.
          Transaction.run(this.send, this.thread.ask('BEGIN IMMEDIATE', [], durable), work),
        );
      } finally {
        scope.open = false;
      }
    });
  }

  /** There is no other process. */
  listen(): void {}

  notify(): void {}

  async close(): Promise<void> {
    await this.alone(() => this.thread.close());
  }

  private async translated<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw databaseFailure(error);
    }
  }

  private readonly send: Send = (text, values) => this.thread.ask(sqliteStatement(text), values);

  /** @throws Error for who has the connection already, and would wait for itself. */
  private alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.inTransaction.getStore()?.open) {
      return Promise.reject(new Error('Inside a transaction, statements go through the transaction'));
    }
    const mine = this.last.then(work);
    this.last = mine.catch(() => undefined);
    return mine;
  }
}
