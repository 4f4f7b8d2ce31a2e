import { Logger } from '@nestjs/common';
import { Pool, types } from 'pg';
import type { Db } from 'pg-boss';
import { databaseFailure, isStatementError } from './database-failure.js';
import type { BossHost } from './boss-host.js';
import type { Sql } from './sql.js';
import { Transaction } from './transaction.js';

export interface PostgresSettings {
  readonly url: string;
  readonly poolSize: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/** The server gives up first, and says so; the client gives up only where the server is silent. */
const CLIENT_MARGIN_MS = 2_000;
/** Any number, as long as it stays the same: replicas that start at once wait for each other at it. */
const LOCK_KEY = 4_842_101_637;
const INT8_OID: number = types.builtins.INT8;

/** A PostgreSQL server, through a pool that connects anew by itself after the server was away. */
export class PostgresDatabase implements BossHost {
  readonly backend = 'postgres';
  /** The pool connects anew. */
  readonly lost = false;
  /** What pg-boss runs its own statements on: the same pool. */
  readonly bossDatabase: Db = {
    executeSql: (text, values) => this.translated(() => this.pool.query(text, values)),
  };
  private readonly logger = new Logger(PostgresDatabase.name);
  private readonly pool: Pool;

  constructor({ url, poolSize, connectTimeoutMs, statementTimeoutMs }: PostgresSettings) {
    this.pool = new Pool({
      connectionString: url,
      max: poolSize,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + CLIENT_MARGIN_MS,
      idle_in_transaction_session_timeout: statementTimeoutMs,
      keepAlive: true,
      application_name: 'ingester',
      types: { getTypeParser },
    });
    // An idle connection that breaks is replaced at the next use; unheard, its error would end the process.
    this.pool.on('error', (error) => this.logger.warn(`An idle connection broke: ${error.message}`));
  }

  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    return this.translated(async () => (await this.pool.query<Row>(text, values && [...values])).rows);
  }

  async transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    const connection = await this.translated(() => this.pool.connect());
    let broken = false;
    const send = async <Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]> => {
      try {
        return (await connection.query<Row>(text, values && [...values])).rows;
      } catch (error) {
        broken ||= !isStatementError(error);
        throw error;
      }
    };
    // Between two statements nobody else listens.
    const onError = (): void => {
      broken = true;
    };
    connection.on('error', onError);
    try {
      return await Transaction.run(send, work);
    } finally {
      connection.off('error', onError);
      connection.release(broken);
    }
  }

  /** With a lock of the session, over a connection that does nothing else: `work` takes others. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const connection = await this.translated(() => this.pool.connect());
    connection.on('error', ignore);
    try {
      await connection.query('SELECT pg_advisory_lock($1)', [LOCK_KEY]);
      return await work();
    } catch (error) {
      throw databaseFailure(error);
    } finally {
      // Thrown away: with the connection the lock is gone, however `work` ended.
      connection.release(true);
    }
  }

  async close(): Promise<void> {
    if (!this.pool.ending) await this.pool.end();
  }

  private async translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw databaseFailure(error);
    }
  }
}

/** A connection that breaks while nobody asks says so here, and once more to the next who asks. */
function ignore(): void {}

/** By default `bigint` is text; ours are sizes and counts, which a number holds. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  return oid === INT8_OID ? Number : types.getTypeParser(oid, format);
}
