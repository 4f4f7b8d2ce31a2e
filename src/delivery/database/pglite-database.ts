import { AsyncLocalStorage } from 'node:async_hooks';
import { type Db, fromPglite } from 'pg-boss';
import type { BossHost } from './boss-host.js';
import { databaseFailure } from './database-failure.js';
import { PgliteThread } from './pglite-thread.js';
import { startUpkeep } from './pglite-upkeep.js';
import type { Sql } from './sql.js';
import { Transaction } from './transaction.js';

/**
 * PostgreSQL as a library, in a folder of this process alone. It has one connection: a transaction has it for itself,
 * and everybody else waits.
 */
export class PgliteDatabase implements BossHost {
  readonly backend = 'pglite';
  readonly bossDatabase: Db = fromPglite({
    query: async (text, values) => ({ rows: await this.ask(text, values) }),
    exec: async (text) => [{ rows: await this.alone(() => this.runScript(text)) }],
  });
  private readonly inTransaction = new AsyncLocalStorage<{ open: boolean }>();
  private readonly stopUpkeep = startUpkeep((statement) => this.ask(statement));
  private last: Promise<unknown> = Promise.resolve();

  private constructor(private readonly thread: PgliteThread) {}

  /** Opens the database in `folder`, or makes one. @throws QUEUE_UNAVAILABLE when another process has it, or it is broken. */
  static async open(folder: string): Promise<PgliteDatabase> {
    try {
      return new PgliteDatabase(await PgliteThread.open({ folder }));
    } catch (error) {
      throw databaseFailure(error);
    }
  }

  get lost(): boolean {
    return this.thread.ended;
  }

  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    return this.ask(text, values);
  }

  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    return this.alone(async () => {
      const scope = { open: true };
      try {
        return await this.inTransaction.run(scope, () =>
          Transaction.run((text, values) => this.thread.ask(text, values), work),
        );
      } finally {
        scope.open = false;
      }
    });
  }

  /** There is no other process. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  async close(): Promise<void> {
    this.stopUpkeep();
    await this.alone(() => this.thread.close());
  }

  private ask<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.alone(async () => {
      try {
        return await this.thread.ask<Row>(text, values);
      } catch (error) {
        throw databaseFailure(error);
      }
    });
  }

  /** @throws Error for who has the connection already, and would wait for itself. */
  private alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.inTransaction.getStore()?.open) {
      return Promise.reject(new Error('Inside a transaction, statements go through the transaction'));
    }
    const mine = this.last.then(work);
    this.last = mine.catch(() => undefined);
    return mine;
  }

  /** A script that fails in a transaction of its own leaves that open. */
  private async runScript(text: string): Promise<object[]> {
    try {
      return await this.thread.ask(text);
    } catch (error) {
      await this.thread.ask('ROLLBACK').catch(() => undefined);
      throw databaseFailure(error);
    }
  }
}
