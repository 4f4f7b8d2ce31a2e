import { randomUUID } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { Database } from '../database/database.service.js';
import { serviceVersion } from '../observability/service-version.js';
import { ServiceError } from '../errors/service-error.js';
import { RegularWork } from '../timing/regular-work.js';
import { spoolPath } from '../body/spool-path.js';
import { findOthers, type KnownSpool, saveReplica } from './replica-rows.js';
import { spoolIdOf } from './spool-id.js';

const EVERY_MS = 5_000;
/** Whoever was not seen for so long ends no upload any more. */
const GONE_MS = 60_000;

/**
 * This process among those that share its database: each says every five seconds that it lives, where it is reached, and
 * which spool it has. With SQLite there is only this one, and nothing is written before the database is in use.
 */
@Injectable()
export class Replicas implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly replicaId = randomUUID();
  private readonly logger = new Logger(Replicas.name);
  private readonly folder: string;
  private readonly address: string;
  private spool: Promise<string> | undefined;
  private lacksId = false;
  private spools: readonly KnownSpool[] | undefined;
  private living = 1;
  private regular: RegularWork | undefined;
  private failing = false;

  constructor(
    private readonly database: Database,
    config: ConfigService<Environment, true>,
  ) {
    this.folder = spoolPath(config);
    if (database.backend === 'sqlite') this.spools = [];
    this.address =
      config.get('REPLICA_ADDRESS', { infer: true }) ?? ownAddress(config.get('PORT', { infer: true }));
  }

  /** Does not wait: the database may take its time, and uploads need not. */
  onApplicationBootstrap(): void {
    this.regular = new RegularWork(() => this.beat(), EVERY_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.regular?.stop();
  }

  /** The id of the spool folder of this process. @throws QUEUE_UNAVAILABLE, SPOOL_FULL, INTERNAL_ERROR */
  spoolId(): Promise<string> {
    this.spool ??= this.findSpoolId();
    return this.spool;
  }

  /** Was there no id the last time that it was asked for? Then nothing can be accepted. With each beat it is asked for. */
  get lacksSpoolId(): boolean {
    return this.lacksId;
  }

  /**
   * Are there other spools than ours, as far as was seen the last time? Files may be in them that we do not see. Undefined
   * while nothing was seen yet.
   */
  get hasOtherSpools(): boolean | undefined {
    return this.spools && this.spools.length > 1;
  }

  /** Do other replicas live, as far as was seen the last time? */
  get hasOthers(): boolean {
    return this.living > 1;
  }

  /** Who had a spool last; undefined where nobody has ever been seen with it. */
  knownSpool(spoolId: string): KnownSpool | undefined {
    return this.spools?.find((spool) => spool.spoolId === spoolId);
  }

  /** Says once that this process lives, and looks who else does. Never fails. */
  async beat(): Promise<void> {
    try {
      if (!this.database.isUsed()) return;
      const { replicaId, address } = this;
      const replica = { replicaId, version: serviceVersion(), address, spoolId: await this.spoolId() };
      await saveReplica(this.database, replica);
      ({ spools: this.spools, living: this.living } = await findOthers(this.database, GONE_MS));
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.logger.warn({ err: error }, 'other replicas are not told that this one lives');
      this.failing = true;
    }
  }

  private async findSpoolId(): Promise<string> {
    try {
      const id = await spoolIdOf(this.folder);
      this.lacksId = false;
      return id;
    } catch (error) {
      this.spool = undefined;
      this.lacksId = error instanceof ServiceError && error.code === 'QUEUE_UNAVAILABLE';
      throw error;
    }
  }
}

/** The first address that is not of this machine alone. */
function ownAddress(port: number): string {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outside = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  return `http://${outside?.address ?? hostname()}:${port}`;
}
