import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { ServiceError } from '../errors/service-error.js';
import type { OutboundCall } from '../outbound/outbound-call.js';
import { Outbound } from '../outbound/outbound.decorator.js';
import { OutboundPolicies } from '../outbound/outbound-policies.service.js';
import { DATABASE_POLICY, databasePolicy } from './database-policy.js';
import { GroupCommit } from './group-commit.js';
import { type DatabaseLocation, openDatabase } from './open-database.js';
import type { PostgresSettings } from './postgres-database.js';
import type { Sql, SqlDatabase, SqlValue, TransactionOptions, TransactionSql } from './sql.js';

interface DatabaseCall<T> extends OutboundCall {
  readonly work: (database: SqlDatabase) => Promise<T>;
}

interface Listener {
  readonly channel: string;
  readonly hear: (message: string) => void;
}

const RETRY_AFTER_MS = 5_000;

/** Of what is done by one transaction together. */
const MOST_ITEMS = 64;

/**
 * The database of what is to be remembered: PostgreSQL where `DATABASE_URL` names one, else SQLite in the data folder. It
 * is opened when it is first needed, and again after it was lost. Every call goes through the outbound interceptors.
 */
@Injectable()
export class Database implements Sql, OnApplicationBootstrap, OnApplicationShutdown {
  readonly backend: SqlDatabase['backend'];
  private readonly logger = new Logger(Database.name);
  private readonly location: DatabaseLocation;
  private readonly listeners: Listener[] = [];
  private opening: Promise<SqlDatabase> | undefined;
  private database: SqlDatabase | undefined;
  private closed = false;

  constructor(config: ConfigService<Environment, true>, policies: OutboundPolicies) {
    policies.register(databasePolicy(config));
    const url = config.get('DATABASE_URL', { infer: true });
    this.backend = url === undefined ? 'sqlite' : 'postgres';
    this.location =
      url === undefined
        ? join(config.get('DATA_DIR', { infer: true }), 'database.sqlite')
        : postgresSettings(url, config);
  }

  /** Opens in the background what was used before, so that the first who needs it does not wait. */
  onApplicationBootstrap(): void {
    if (!this.isUsed()) return;
    this.open().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'the database cannot be used yet');
    });
  }

  async onApplicationShutdown(): Promise<void> {
    this.closed = true;
    await this.opening?.catch(() => undefined);
    const open = this.database;
    this.database = undefined;
    await open?.close();
  }

  /** True while the database is open; it may be out of reach all the same. */
  get opened(): boolean {
    return this.database !== undefined && !this.database.lost;
  }

  /** Whether something may ever have been written here: a PostgreSQL is named, or the file of SQLite exists. */
  isUsed(): boolean {
    return typeof this.location !== 'string' || existsSync(this.location);
  }

  /** Opens the database if need be. @throws QUEUE_UNAVAILABLE */
  async open(): Promise<void> {
    if (!this.opened) await this.use(() => Promise.resolve());
  }

  /** See `Sql`. Opens the database if need be. */
  query<Row extends object>(text: string, values?: readonly SqlValue[]): Promise<Row[]> {
    return this.use((database) => database.query<Row>(text, values));
  }

  /** See `SqlDatabase`. Opens the database if need be. */
  transaction<T>(work: (tx: TransactionSql) => Promise<T>, options?: TransactionOptions): Promise<T> {
    return this.use((database) => database.transaction(work, options));
  }

  /** Has what comes at the same time done in one transaction; see `GroupCommit`. */
  groupCommit<Item, Result>(
    write: (tx: TransactionSql, items: readonly Item[]) => Promise<readonly Result[]>,
  ): GroupCommit<Item, Result> {
    return new GroupCommit({
      maxItems: MOST_ITEMS,
      // On PostgreSQL one waits for the disk while the next one is being made; SQLite does one after the other.
      maxAtOnce: this.backend === 'sqlite' ? 1 : 2,
      commit: (items) => this.transaction((tx) => write(tx, items)),
    });
  }

  /** Calls `hear` with what other processes say on `channel`, while the database is open and as far as it reaches us. */
  listen(channel: string, hear: (message: string) => void): void {
    this.listeners.push({ channel, hear });
    this.database?.listen(channel, hear);
  }

  /** Tells other processes, as far as that reaches them. */
  notify(channel: string, message: string): void {
    this.database?.notify(channel, message);
  }

  @Outbound(DATABASE_POLICY)
  async call<T>({ work }: DatabaseCall<T>): Promise<T> {
    return work(await this.running());
  }

  private use<T>(work: (database: SqlDatabase) => Promise<T>): Promise<T> {
    return this.call({ targets: [DATABASE_POLICY], work, signal: new AbortController().signal });
  }

  /** One opening for all who come while it is under way; after it failed, the next one tries anew. */
  private async running(): Promise<SqlDatabase> {
    if (this.closed) throw closing();
    if (this.database && !this.database.lost) return this.database;
    this.opening ??= this.start().finally(() => {
      this.opening = undefined;
    });
    return this.opening;
  }

  private async start(): Promise<SqlDatabase> {
    const lost = this.database;
    this.database = undefined;
    await lost?.close().catch(() => undefined);
    const database = await openDatabase(this.location);
    for (const { channel, hear } of this.listeners) database.listen(channel, hear);
    this.database = database;
    return database;
  }
}

function postgresSettings(url: string, config: ConfigService<Environment, true>): PostgresSettings {
  return {
    url,
    poolSize: config.get('DATABASE_POOL_SIZE', { infer: true }),
    connectTimeoutMs: config.get('DATABASE_CONNECT_TIMEOUT_MS', { infer: true }),
    statementTimeoutMs: config.get('DATABASE_STATEMENT_TIMEOUT_MS', { infer: true }),
  };
}

function closing(): ServiceError {
  return new ServiceError('QUEUE_UNAVAILABLE', 'The service is shutting down.', {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
