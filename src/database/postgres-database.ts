import { Logger } from '@nestjs/common';
import { Pool, type PoolConfig, types } from 'pg';
import { CommitUnknown } from './commit-unknown.js';
import { databaseFailure, isRefusedByServer, isStatementError } from './database-failure.js';
import { PostgresListener } from './postgres-listener.js';
import type { SqlDatabase, SqlValue, TransactionOptions, TransactionSql } from './sql.js';
import { type Send, Transaction } from './transaction.js';

export interface PostgresSettings {
  readonly url: string;
  readonly poolSize: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

/** The server gives up first, and says so; the client gives up only where the server is silent. */
const CLIENT_MARGIN_MS = 2_000;
const INT8_OID: number = types.builtins.INT8;

/** A PostgreSQL server, through a pool that connects anew by itself after the server was away. */
export class PostgresDatabase implements SqlDatabase {
  readonly backend = 'postgres';
  /** The pool connects anew. */
  readonly lost = false;
  private readonly logger = new Logger(PostgresDatabase.name);
  private readonly config: PoolConfig;
  /** Not set for the session: a pooler lends it to others, or does not know of it. */
  private readonly begin: string;
  private readonly pool: Pool;
  private readonly listeners: PostgresListener[] = [];

  constructor({ url, poolSize, connectTimeoutMs, statementTimeoutMs }: PostgresSettings) {
    this.config = {
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      application_name: 'ingester',
    };
    this.begin = `BEGIN; SET LOCAL statement_timeout = ${statementTimeoutMs}; SET LOCAL idle_in_transaction_session_timeout = ${statementTimeoutMs}`;
    this.pool = new Pool({
      ...this.config,
      max: poolSize,
      query_timeout: statementTimeoutMs + CLIENT_MARGIN_MS,
      types: { getTypeParser },
      pipeline: true,
    });
    // An idle connection that breaks is replaced at the next use; unheard, its error would end the process.
    this.pool.on('error', (error) => this.logger.warn(`An idle connection broke: ${error.message}`));
  }

  query<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<Row[]> {
    return this.translated(async () => (await this.pool.query<Row>(text, values && [...values])).rows);
  }

  async transaction<T>(
    work: (tx: TransactionSql) => Promise<T>,
    { durable = true }: TransactionOptions = {},
  ): Promise<T> {
    const connection = await this.translated(() => this.pool.connect());
    let broken = false;
    const send: Send = async <Row extends object>(text: string, values?: readonly SqlValue[]) => {
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
      const begin = durable ? this.begin : `${this.begin}; SET LOCAL synchronous_commit = off`;
      return await Transaction.run(send, send(begin).catch(refusedToBegin), work);
    } finally {
      connection.off('error', onError);
      connection.release(broken);
    }
  }

  listen(channel: string, hear: (message: string) => void): void {
    this.listeners.push(new PostgresListener(this.config, channel, hear));
  }

  notify(channel: string, message: string): void {
    this.pool.query('SELECT pg_notify($1, $2)', [channel, message]).catch((error: unknown) => {
      this.logger.warn({ err: error }, 'other processes are not woken');
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.close()));
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

/** What follows on its way is committed alone then. @throws CommitUnknown, or that the server does not answer */
function refusedToBegin(error: unknown): never {
  throw isRefusedByServer(error) ? new CommitUnknown(error) : error;
}

/** By default `bigint` is text; ours are sizes and counts, which a number holds. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  return oid === INT8_OID ? Number : types.getTypeParser(oid, format);
}
