import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { isIPv6 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { HttpAdapterHost } from '@nestjs/core';
import type { Environment } from '../config/environment.js';
import { Database } from '../database/database.service.js';
import { serviceVersion } from '../observability/service-version.js';
import { ServiceError } from '../errors/service-error.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import { RegularWork } from '../timing/regular-work.js';
import { spoolPath } from '../body/spool-path.js';
import { type OtherReplica, type ReplicaReport, membersOf, reportOf } from './replica-report.js';
import {
  allTellUploads,
  findHolder,
  findReplicas,
  type KnownSpool,
  LIVES_MS,
  livesAt,
  saveReplica,
  type SpoolHolder,
  spoolsOf,
} from './replica-rows.js';
import { readState, type ReplicaState, stateOf, type StatePart } from './replica-state.js';
import { spoolIdOf } from './spool-id.js';

const EVERY_MS = 5_000;
/** Whoever was not seen for so long ends no upload any more. */
const GONE_MS = 60_000;

/**
 * This process among those that share its database: each says every five seconds that it lives, where it is reached, and
 * which spool it has, and how it is. With SQLite there is only this one, and nothing is written before the database is in use.
 */
@Injectable()
export class Replicas implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly replicaId = randomUUID();
  /** Do the rows say of all uploads in our spool, of those that come in several requests, that they are there? */
  tellsUploads = false;
  private readonly logger = new Logger(Replicas.name);
  private readonly folder: string;
  private spool: Promise<string> | undefined;
  private lacksId = false;
  private spools: readonly KnownSpool[] | undefined;
  private living = 1;
  private regular: RegularWork | undefined;
  private beating: Promise<void> = Promise.resolve();
  private readonly followers: (() => Promise<void>)[] = [];
  private failing = false;
  private readonly startedAt: Date;
  private ownSpoolId: string | null = null;
  private seen: readonly Omit<OtherReplica, 'lives'>[] = [];
  private seenAtMs = 0;
  private drainedUntilMs = -Infinity;
  private readonly parts: (() => StatePart)[] = [];

  constructor(
    private readonly database: Database,
    private readonly config: ConfigService<Environment, true>,
    private readonly host: HttpAdapterHost,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.startedAt = new Date(clock.wallMs());
    this.folder = spoolPath(config);
    if (database.backend === 'sqlite') this.spools = [];
  }

  /** Does not wait: the database may take its time, and uploads need not. */
  onApplicationBootstrap(): void {
    this.regular = new RegularWork(() => this.beat(), EVERY_MS);
    // Only then it is certain where it is reached.
    this.server?.once('listening', () => void this.beat());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.regular?.stop();
    await this.beating;
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

  /** Who has a spool now. @throws QUEUE_UNAVAILABLE */
  holderOf(spoolId: string): Promise<SpoolHolder | undefined> {
    return findHolder(this.database, spoolId);
  }

  /** Was a replica seen lately at an address? @throws QUEUE_UNAVAILABLE */
  livesAt(address: string): Promise<boolean> {
    return livesAt(this.database, address);
  }

  /** Do all replicas with other spools tell which uploads are there? @throws QUEUE_UNAVAILABLE */
  async othersTellUploads(): Promise<boolean> {
    return allTellUploads(this.database, await this.spoolId());
  }

  /** All spools that some replica has or had, as far as was seen the last time. */
  get knownSpools(): readonly KnownSpool[] {
    return this.spools ?? [];
  }

  /** Has `read` asked whenever it is said how this process is; it reads what is counted anyway. */
  reports(read: () => StatePart): void {
    this.parts.push(read);
  }

  /** Has an operator ordered that this process takes no new uploads? */
  get isDrained(): boolean {
    return this.clock.monotonicMs() < this.drainedUntilMs;
  }

  /** Is it drained, while another replica takes new uploads? Then whoever shares them out is to look there. */
  get makesWay(): boolean {
    return this.isDrained && this.others.some(({ lives, state }) => lives && !state.draining);
  }

  /** No new uploads are taken until then, on the monotonic clock; undefined: they are. */
  drain(untilMs = -Infinity): void {
    const was = this.isDrained;
    this.drainedUntilMs = untilMs;
    if (was !== this.isDrained)
      this.logger.warn(this.isDrained ? 'takes no new uploads: it is drained' : 'takes new uploads again');
  }

  /** The other replicas, as far as was seen the last time; those that were seen last come first. */
  get others(): readonly OtherReplica[] {
    const sinceMs = this.clock.monotonicMs() - this.seenAtMs;
    return this.seen.map((other) => ({ ...other, lives: other.seen.unseenMs + sinceMs < LIVES_MS }));
  }

  /** All replicas: this one, which comes first, as it is now. */
  all(): ReplicaReport[] {
    const own = {
      replica_id: this.replicaId,
      version: serviceVersion(),
      address: this.address,
      spool_id: this.ownSpoolId,
      started_at: this.startedAt.toISOString(),
      last_seen_at: new Date(this.clock.wallMs()).toISOString(),
      lives: true,
    };
    return [{ ...own, ...membersOf(this.state()) }, ...this.others.map(reportOf)];
  }

  /** Has `work`, which never fails, done each time that it was seen who there is. */
  afterBeat(work: () => Promise<void>): void {
    this.followers.push(work);
  }

  /** Says once that this process lives, and looks who else does. Never fails. */
  beat(): Promise<void> {
    // One after the other: the later one knows better where this process is reached.
    this.beating = this.beating.then(() => this.beatNow());
    return this.beating;
  }

  private async beatNow(): Promise<void> {
    try {
      if (!this.database.isUsed()) return;
      if (await this.save()) this.tellsUploads = false;
      await this.lookAround();
      this.failing = false;
      const told = this.tellsUploads;
      for (const follow of this.followers) await follow();
      if (this.tellsUploads !== told) await this.save();
    } catch (error) {
      if (!this.failing) this.logger.warn({ err: error }, 'other replicas are not told that this one lives');
      this.failing = true;
    }
  }

  private async lookAround(): Promise<void> {
    const replicas = await findReplicas(this.database);
    this.spools = spoolsOf(replicas);
    this.living = replicas.filter(({ unseenMs }) => unseenMs < GONE_MS).length;
    this.seenAtMs = this.clock.monotonicMs();
    // With SQLite there is one process: the others are former ones.
    const others = replicas.filter(
      ({ replicaId }) => this.database.backend === 'postgres' && replicaId !== this.replicaId,
    );
    this.seen = others.map((seen) => ({ seen, state: readState(seen.state) })).toReversed();
  }

  private state(): ReplicaState {
    return stateOf(this.parts.map((read) => this.partOf(read)));
  }

  /** A room that cannot say how it is does not keep this process from saying that it lives. */
  private partOf(read: () => StatePart): StatePart {
    try {
      return read();
    } catch (error) {
      this.logger.error({ err: error }, 'other replicas are not told all that there is to tell');
      return {};
    }
  }

  private async save(): Promise<boolean> {
    const { replicaId, address, tellsUploads } = this;
    const spoolId = await this.spoolId();
    return saveReplica(this.database, {
      replicaId,
      version: serviceVersion(),
      address,
      spoolId,
      tellsUploads,
      state: JSON.stringify(this.state()),
    });
  }

  private get server(): Server | undefined {
    return this.host.httpAdapter?.getHttpServer();
  }

  /** Where others reach this process. */
  private get address(): string {
    const given = this.config.get('REPLICA_ADDRESS', { infer: true });
    if (given !== undefined) return given;
    const bound = this.server?.address();
    const port = typeof bound === 'object' && bound ? bound.port : this.config.get('PORT', { infer: true });
    return `http://${hostFor(this.config.get('HOST', { infer: true }))}:${port}`;
  }

  private async findSpoolId(): Promise<string> {
    try {
      const id = await spoolIdOf(this.folder);
      this.lacksId = false;
      this.ownSpoolId = id;
      return id;
    } catch (error) {
      this.spool = undefined;
      this.lacksId = error instanceof ServiceError && error.code === 'QUEUE_UNAVAILABLE';
      throw error;
    }
  }
}

/** The address that is listened at; where that is all of them, the first one that is not of this machine alone. */
function hostFor(host: string): string {
  if (isIPv6(host) && host !== '::') return `[${host}]`;
  if (host !== '::' && host !== '0.0.0.0') return host;
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? hostname();
}
