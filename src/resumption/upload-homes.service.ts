import { hash } from 'node:crypto';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { Replicas } from '../replicas/replicas.service.js';
import { OpenUploads } from './open-uploads.service.js';
import { UploadFence } from './upload-fence.service.js';

const RETRY_AFTER_MS = 5_000;

/**
 * Which replica has an upload, where each has a spool of its own. The row of an upload says in which spool it is, and that of a
 * replica where it is reached. Where all share one spool there is nothing to ask.
 */
@Injectable()
export class UploadHomes implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(UploadHomes.name);
  private isEnding = false;

  constructor(
    private readonly fence: UploadFence,
    private readonly open: OpenUploads,
    private readonly replicas: Replicas,
  ) {}

  onApplicationBootstrap(): void {
    this.replicas.afterBeat(() => this.tell());
  }

  /** Whoever comes after us is to know what we have, also where nobody wanted to know it before. */
  async beforeApplicationShutdown(): Promise<void> {
    this.isEnding = true;
    if (!this.fence.isAlone && this.replicas.hasOtherSpools !== undefined) await this.replicas.beat();
  }

  /** May uploads be where this process does not see them? */
  get areSeveral(): boolean {
    return !this.fence.isAlone && this.replicas.hasOtherSpools !== false;
  }

  /**
   * The URL of the replica that has an upload which is not found in our spool; undefined where nobody has.
   * @throws REPLICA_UNAVAILABLE while that one is away, or somebody may have it; QUEUE_UNAVAILABLE, SPOOL_FULL, INTERNAL_ERROR
   */
  async elsewhere(uploadId: string): Promise<string | undefined> {
    // Also where no other spool was seen yet: another replica may have come a moment ago.
    if (this.fence.isAlone) return undefined;
    const spoolId = await this.fence.spoolOf(uploadId);
    if (spoolId !== undefined) return this.addressOf(spoolId);
    if (!(await this.replicas.othersTellUploads()))
      throw isAway('It is not known yet which replica has the upload.');
    // All have told by now, perhaps only just.
    return this.addressOf(await this.fence.spoolOf(uploadId));
  }

  /** As `elsewhere`, for an upload that is to be created where nobody has it. */
  async createdElsewhere(uploadId: string): Promise<string | undefined> {
    if (!this.areSeveral || (await this.open.isHere(uploadId))) return undefined;
    return this.addressOf(await this.fence.spoolOf(uploadId));
  }

  /** The URL of the replica where all parts of a caller's uploads are brought together; undefined where it is this one. */
  async gathering(subject: string): Promise<string | undefined> {
    if (!this.areSeveral) return undefined;
    const mine = await this.replicas.spoolId();
    const taking = this.replicas.knownSpools.filter(
      ({ spoolId, lives }) => lives && spoolId !== mine && !this.isDrained(spoolId),
    );
    // The highest hash wins (rendezvous hashing): where a replica comes or goes, few callers move.
    const rank = (spoolId: string): string => hash('sha256', JSON.stringify([spoolId, subject]));
    const [first] = taking.toSorted((a, b) => (rank(a.spoolId) < rank(b.spoolId) ? 1 : -1));
    const isOurs = !this.replicas.isDrained && (!first || rank(first.spoolId) < rank(mine));
    return isOurs ? undefined : first?.address;
  }

  /** The URLs of all replicas with other spools, one for each; of those that are away, only how many they are. */
  async others(): Promise<{ readonly living: readonly string[]; readonly away: number }> {
    if (!this.areSeveral) return { living: [], away: 0 };
    const mine = await this.replicas.spoolId();
    const others = this.replicas.knownSpools.filter(({ spoolId }) => spoolId !== mine);
    const living = others.filter(({ lives }) => lives);
    return { living: living.map(({ address }) => address), away: others.length - living.length };
  }

  /** Does a replica still live? Where the database cannot tell, it is taken for granted. */
  lives(address: string): Promise<boolean> {
    return this.replicas.livesAt(address).catch(() => true);
  }

  /** Does a replica with this spool take no new uploads, as far as was seen the last time? */
  private isDrained(spoolId: string): boolean {
    return this.replicas.others.some(({ seen, lives, state }) => {
      return lives && state.draining && seen.spoolId === spoolId;
    });
  }

  private async addressOf(spoolId: string | undefined): Promise<string | undefined> {
    if (spoolId === undefined || spoolId === (await this.replicas.spoolId())) return undefined;
    const holder = await this.replicas.holderOf(spoolId);
    if (holder?.lives === false) throw isAway('The replica that has the upload is away.');
    return holder?.address;
  }

  /** Tells, once there are others with another spool or we go, what is in ours. Never fails. */
  private async tell(): Promise<void> {
    const { replicas } = this;
    const isAsked = replicas.hasOtherSpools === true || this.isEnding;
    if (!isAsked || replicas.tellsUploads) return;
    try {
      await this.fence.enterAll(await this.open.names());
      replicas.tellsUploads = true;
    } catch (error) {
      this.logger.warn({ err: error }, 'other replicas are not told which uploads are here');
    }
  }
}

/** A client that is told so comes back; one that is told 404 begins anew. */
export function isAway(detail: string, cause?: unknown): ServiceError {
  return new ServiceError('REPLICA_UNAVAILABLE', detail, { retryAfterMs: RETRY_AFTER_MS, cause });
}
