import { CommitUnknown } from './commit-unknown.js';
import { databaseFailure, isFromDatabase, isStatementError } from './database-failure.js';
import type { SqlValue, TransactionSql } from './sql.js';

/** Sends one statement over the connection that the transaction has for itself. */
export type Send = <Row extends object>(text: string, values?: readonly SqlValue[]) => Promise<Row[]>;

/** One transaction over one connection; see `SqlDatabase.transaction`. */
export class Transaction implements TransactionSql {
  private failure: { readonly error: unknown } | undefined;
  private committing: Promise<unknown> | undefined;
  private ended = false;

  private constructor(private readonly send: Send) {}

  /**
   * Runs `work` behind BEGIN, which was sent and whose answer is `begun`, and then COMMIT.
   * @throws what `work` throws, QUEUE_UNAVAILABLE, CommitUnknown
   */
  static async run<T>(
    send: Send,
    begun: Promise<unknown>,
    work: (tx: TransactionSql) => Promise<T>,
  ): Promise<T> {
    const tx = new Transaction(send);
    // It says more than what fails for that, whichever is heard of first.
    const isBegun = begun.catch((error: unknown) => {
      tx.failure = { error: databaseFailure(error) };
    });
    try {
      const result = await tx.done(work(tx));
      await isBegun;
      if (tx.failure) throw tx.failure.error;
      await tx.commit();
      return result;
    } catch (error) {
      await tx.rollBack();
      // What failed first says more than what failed for that.
      throw tx.failure ? tx.failure.error : error;
    }
  }

  async query<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<Row[]> {
    if (this.ended) throw new Error('The transaction is over');
    if (this.failure) throw this.failure.error;
    try {
      return await this.send<Row>(text, values);
    } catch (error) {
      this.fail(error);
      throw databaseFailure(error);
    }
  }

  last<T>(statements: Promise<T>): Promise<T> {
    // Whether it succeeded is asked when the statements are known to have.
    this.sendCommit().catch(() => undefined);
    return statements;
  }

  /** Of work that fails by itself after it has given its last statements, nothing is undone. @throws CommitUnknown then */
  private async done<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!this.committing || this.failure) throw error;
      await this.committing.catch(() => undefined);
      throw new CommitUnknown(error);
    }
  }

  /** Where COMMIT is on its way, only an answer of the database says that it was not done. */
  private fail(error: unknown): void {
    const isOpen = this.committing !== undefined && !isFromDatabase(error);
    this.failure ??= { error: isOpen ? new CommitUnknown(error) : databaseFailure(error) };
  }

  private sendCommit(): Promise<unknown> {
    this.ended = true;
    this.committing ??= this.send('COMMIT');
    return this.committing;
  }

  /** The server refuses to commit where a check was put off until now; anything else leaves the outcome open. */
  private async commit(): Promise<void> {
    try {
      await this.sendCommit();
    } catch (error) {
      throw isStatementError(error) ? error : new CommitUnknown(error);
    }
  }

  /** A connection that cannot roll back is thrown away by who owns it, which rolls back too. */
  private async rollBack(): Promise<void> {
    // After a COMMIT that failed nothing is left to be rolled back, but for one that was never tried.
    if (this.ended && !this.failure) return;
    this.ended = true;
    await this.send('ROLLBACK').catch(() => undefined);
  }
}
