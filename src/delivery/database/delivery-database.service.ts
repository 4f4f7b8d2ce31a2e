import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import { ServiceError } from '../../errors/service-error.js';
import type { OutboundCall } from '../../resilience/outbound-call.js';
import { Outbound } from '../../resilience/outbound.decorator.js';
import { OutboundPolicies } from '../../resilience/outbound-policies.service.js';
import { DATABASE_POLICY, databasePolicy } from './database-policy.js';
import type { BossHost } from './boss-host.js';
import { type Engine, startEngine, stopEngine } from './engine.js';
import { PgliteDatabase } from './pglite-database.js';
import { PostgresDatabase, type PostgresSettings } from './postgres-database.js';
import type { Database } from './sql.js';

interface DatabaseCall<T> extends OutboundCall {
  readonly work: (engine: Engine) => Promise<T>;
}

const RETRY_AFTER_MS = 5_000;

/**
 * The database of what was promised: PostgreSQL where `DATABASE_URL` names one, else PGlite in the data folder. It is
 * opened when it is first needed, and again after it was lost. Every call goes through the outbound interceptors.
 */
@Injectable()
export class DeliveryDatabase implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(DeliveryDatabase.name);
  private readonly postgres: PostgresSettings | undefined;
  private readonly folder: string;
  private readonly statementMs: number;
  private readonly guarded: Database;
  private opening: Promise<Engine> | undefined;
  private engine: Engine | undefined;
  private closed = false;

  constructor(config: ConfigService<Environment, true>, policies: OutboundPolicies) {
    policies.register(databasePolicy(config));
    const url = config.get('DATABASE_URL', { infer: true });
    this.postgres = url === undefined ? undefined : postgresSettings(url, config);
    this.statementMs = config.get('DATABASE_STATEMENT_TIMEOUT_MS', { infer: true });
    this.folder = join(config.get('DATA_DIR', { infer: true }), 'database');
    this.guarded = {
      backend: this.postgres ? 'postgres' : 'pglite',
      query: (text, values) => this.use(({ database }) => database.query(text, values)),
      transaction: (work) => this.use(({ database }) => database.transaction(work)),
      close: () => this.close(),
    };
  }

  /** Opens in the background what was used before, so that the first who needs it does not wait. */
  onApplicationBootstrap(): void {
    if (this.postgres && existsSync(this.folder)) {
      this.logger.warn('DATABASE_URL is set: what was promised in the embedded database is not delivered');
    }
    if (!this.isUsed()) return;
    this.open().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'The delivery database is not there yet');
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** True while the database is open; it may be out of reach all the same. */
  get opened(): boolean {
    return this.engine !== undefined && !this.engine.database.lost;
  }

  /** Whether something may ever have been promised here: a PostgreSQL is named, or the folder of PGlite exists. */
  isUsed(): boolean {
    return this.postgres !== undefined || existsSync(this.folder);
  }

  /** Gives the database, opening it if need be. @throws QUEUE_UNAVAILABLE */
  async open(): Promise<Database> {
    if (!this.opened) await this.use(() => Promise.resolve());
    return this.guarded;
  }

  /** Does `work` with the open database and pg-boss. @throws QUEUE_UNAVAILABLE, and what `work` throws */
  use<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    return this.call({ targets: [DATABASE_POLICY], work, signal: new AbortController().signal });
  }

  /** pg-boss, for statements inside a transaction of an open database. @throws QUEUE_UNAVAILABLE */
  get boss(): Engine['boss'] {
    if (!this.engine) throw unavailable('Files cannot be accepted for later delivery now.');
    return this.engine.boss;
  }

  @Outbound(DATABASE_POLICY)
  async call<T>({ work }: DatabaseCall<T>): Promise<T> {
    return work(await this.running());
  }

  /** One opening for all who come while it is under way; after it failed, the next one tries anew. */
  private async running(): Promise<Engine> {
    if (this.closed) throw unavailable('The service is shutting down.');
    if (this.engine && !this.engine.database.lost) return this.engine;
    this.opening ??= this.start().finally(() => {
      this.opening = undefined;
    });
    return this.opening;
  }

  private async start(): Promise<Engine> {
    const lost = this.engine;
    this.engine = undefined;
    if (lost) await stopEngine(lost).catch(() => undefined);
    this.engine = await startEngine(await this.connect());
    return this.engine;
  }

  private async connect(): Promise<BossHost> {
    return this.postgres
      ? new PostgresDatabase(this.postgres)
      : PgliteDatabase.open(this.folder, this.statementMs);
  }

  private async close(): Promise<void> {
    this.closed = true;
    await this.opening?.catch(() => undefined);
    const open = this.engine;
    this.engine = undefined;
    if (open) await stopEngine(open);
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

function unavailable(detail: string): ServiceError {
  return new ServiceError('QUEUE_UNAVAILABLE', detail, { retryAfterMs: RETRY_AFTER_MS });
}
