import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { Metrics } from '../observability/metrics.service.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import { RegularWork } from '../timing/regular-work.js';
import type { ExpiryOutcome } from './drivers/local/local-expiry.js';
import { ExpiryMetrics } from './expiry-metrics.js';
import { StorageElements, type WrittenFolder } from './storage-elements.service.js';

/** Names that one log line has at most. */
const MOST_NAMES = 10;

/** What one sweep of an element has come to. */
interface Tally {
  files: number;
  bytes: number;
  readonly failed: Named;
  readonly unreadable: Named;
}

/** Things that went wrong: how many, the names of some, and the first error. */
interface Named {
  count: number;
  readonly names: string[];
  err?: unknown;
}

/**
 * Removes files from local storage elements when their time is over: at the start and then regularly. Elements behind
 * HTTP see to that themselves. Several processes may do so at once.
 */
@Injectable()
export class ExpirySweep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(ExpirySweep.name);
  private readonly folders: readonly WrittenFolder[];
  private readonly counts: ExpiryMetrics;
  private readonly everyMs: number;
  private readonly stopping = new AbortController();
  private regular: RegularWork | undefined;

  constructor(
    config: ConfigService<Environment, true>,
    elements: StorageElements,
    { registry }: Metrics,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.folders = config.get('STORAGE_REMOVE_EXPIRED', { infer: true }) ? elements.writtenFolders() : [];
    this.everyMs = config.get('STORAGE_EXPIRY_SWEEP_INTERVAL_MS', { infer: true });
    this.counts = new ExpiryMetrics(
      registry,
      this.folders.map(({ target }) => target),
    );
  }

  /** Does not wait: there may be many files. */
  onApplicationBootstrap(): void {
    if (this.folders.length === 0) return;
    this.regular = new RegularWork(() => this.sweep(), this.everyMs);
  }

  /** Ends a sweep behind the file that it is at. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.regular?.stop();
  }

  /** Looks through all elements once. Never fails: what cannot be done is logged, and keeps no other element. */
  async sweep(): Promise<void> {
    await Promise.all(this.folders.map((folder) => this.sweepOne(folder)));
  }

  private async sweepOne({ target, element }: WrittenFolder): Promise<void> {
    const tally: Tally = { files: 0, bytes: 0, failed: none(), unreadable: none() };
    try {
      const nowMs = (): number => this.clock.wallMs();
      for await (const outcome of element.removeExpired(nowMs, this.stopping.signal)) {
        this.count(target, outcome, tally);
      }
    } catch (error) {
      this.counts.failed(target);
      this.logger.warn({ err: error, target }, 'a storage element was not looked through for expired files');
    }
    this.tell(target, tally);
  }

  private count(target: string, outcome: ExpiryOutcome, tally: Tally): void {
    if (outcome.kind === 'removed') {
      this.counts.removed(target, outcome.bytes);
      tally.files += 1;
      tally.bytes += outcome.bytes;
      return;
    }
    if (outcome.kind === 'failed') this.counts.failed(target);
    add(tally[outcome.kind], outcome);
  }

  private tell(target: string, { files, bytes, failed, unreadable }: Tally): void {
    if (files > 0) this.logger.log({ target, files, bytes }, 'removed expired files');
    if (failed.count > 0) this.logger.warn({ target, ...failed }, 'expired files could not be removed');
    if (unreadable.count > 0) {
      this.logger.warn({ target, ...unreadable }, 'files whose record cannot be read are kept');
    }
  }
}

function none(): Named {
  return { count: 0, names: [] };
}

function add(named: Named, { name, error }: { readonly name: string; readonly error: unknown }): void {
  named.count += 1;
  named.err ??= error;
  if (named.names.length < MOST_NAMES) named.names.push(name);
}
