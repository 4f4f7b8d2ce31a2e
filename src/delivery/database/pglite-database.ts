import { AsyncLocalStorage } from 'node:async_hooks';
import { type Db, fromPglite } from 'pg-boss';
import type { BossHost } from './boss-host.js';
import { databaseFailure } from './database-failure.js';
import { PgliteThread } from './pglite-thread.js';
import { startUpkeep } from './pglite-upkeep.js';
import type { Sql } from './sql.js';
import { Transaction } from './transaction.js';

/** As long as PostgreSQL has by default. */
const STATEMENT_MS = 10_000;
/** Who computes and does not hang is done a little later on a busy machine. */
const MARGIN_MS = 2_000;
/** Scripts make or change all of the tables of pg-boss. */
const SCRIPT_MS = 60_000;

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
  private readonly stopUpkeep = startUpkeep((statement, limitMs) => this.askWithin(limitMs, statement));
  private last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly thread: PgliteThread,
    private readonly limitMs: number,
  ) {}

  /**
   * Opens the database in `folder`, or makes one; it is lost once a statement takes much longer than `statementMs`.
   * @throws QUEUE_UNAVAILABLE when another process has it, or it is broken.
   */
  static async open(folder: string, statementMs = STATEMENT_MS): Promise<PgliteDatabase> {
    try {
      return new PgliteDatabase(await PgliteThread.open({ folder }), statementMs + MARGIN_MS);
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
          Transaction.run((text, values) => this.thread.ask(this.limitMs, text, values), work),
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
    await this.alone(() => this.thread.close(this.limitMs));
  }

  private ask<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.askWithin(this.limitMs, text, values);
  }

  private askWithin<Row>(limitMs: number, text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.alone(async () => {
      try {
        return await this.thread.ask<Row>(limitMs, text, values);
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
      return await this.thread.ask(SCRIPT_MS, text);
    } catch (error) {
      await this.thread.ask(this.limitMs, 'ROLLBACK').catch(() => undefined);
      throw databaseFailure(error);
    }
  }
}
