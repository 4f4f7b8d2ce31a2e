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
import { ExpiryMetrics } from './expiry-metrics.js';
import type { ExpiryOutcome, StorageElement } from './storage-element.js';
import { StorageElements } from './storage-elements.service.js';

/** Names that one log line has at most. */
const MOST_NAMES = 10;

/** An element that does not see to its expired files itself. */
interface SweptElement {
  readonly target: string;
  readonly removeExpired: NonNullable<StorageElement['removeExpired']>;
}

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
 * Removes files from storage elements when their time is over: at the start and then regularly. Some see to that
 * themselves, as those behind HTTP do. Several processes may do so at once.
 */
@Injectable()
export class ExpirySweep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(ExpirySweep.name);
  private readonly swept: readonly SweptElement[];
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
    this.swept = config.get('STORAGE_REMOVE_EXPIRED', { infer: true }) ? sweptOf(elements) : [];
    this.everyMs = config.get('STORAGE_EXPIRY_SWEEP_INTERVAL_MS', { infer: true });
    this.counts = new ExpiryMetrics(
      registry,
      this.swept.map(({ target }) => target),
    );
  }

  /** Does not wait: there may be many files. */
  onApplicationBootstrap(): void {
    if (this.swept.length === 0) return;
    this.regular = new RegularWork(() => this.sweep(), this.everyMs);
  }

  /** Ends a sweep behind the file that it is at. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.regular?.stop();
  }

  /** Looks through all elements once. Never fails: what cannot be done is logged, and keeps no other element. */
  async sweep(): Promise<void> {
    await Promise.all(this.swept.map((element) => this.sweepOne(element)));
  }

  private async sweepOne({ target, removeExpired }: SweptElement): Promise<void> {
    const tally: Tally = { files: 0, bytes: 0, failed: none(), unreadable: none() };
    try {
      const nowMs = (): number => this.clock.wallMs();
      for await (const outcome of removeExpired(nowMs, this.stopping.signal)) {
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

function sweptOf(elements: StorageElements): SweptElement[] {
  return elements.written().flatMap(({ target, element }) => {
    const removeExpired = element.removeExpired?.bind(element);
    return removeExpired ? [{ target, removeExpired }] : [];
  });
}

function none(): Named {
  return { count: 0, names: [] };
}

function add(named: Named, { name, error }: { readonly name: string; readonly error: unknown }): void {
  named.count += 1;
  named.err ??= error;
  if (named.names.length < MOST_NAMES) named.names.push(name);
}
