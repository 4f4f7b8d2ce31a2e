import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { removeSpoolLeftOvers } from '../../resilience/spool-left-overs.js';
import type { IntentFiles } from './intent-files.service.js';
import { type SpoolAges, type SpoolPromises, findMissing, removeUnpromised } from './spool-comparison.js';
import type { SpoolRoom } from './spool-room.service.js';

export interface SpoolSweepOptions extends SpoolAges {
  readonly path: string;
  readonly everyMs: number;
}

/** What a sweep has found, as ids of uploads. */
export interface SweepReport {
  /** Files that no row knew; removed. */
  readonly orphans: readonly string[];
  /** Files whose upload was finished; removed. */
  readonly finished: readonly string[];
  /** Rows that promise a file which is not there; left as they are. */
  readonly missing: readonly string[];
  /** Files of bodies and intents that killed processes have left; removed. */
  readonly leftOvers: number;
}

const NOTHING = { orphans: [], finished: [] };

/**
 * Compares the spool with the database, at the start and then regularly: what nobody is promised is removed, what is
 * promised and missing is reported. Several processes may do so at once.
 */
@Injectable()
export class SpoolSweep implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(SpoolSweep.name);
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<unknown> | undefined;
  private last: SweepReport | undefined;
  private readonly stopping = new AbortController();

  constructor(
    private readonly options: SpoolSweepOptions,
    private readonly spool: Pick<SpoolRoom, 'files' | 'owner'>,
    private readonly intents: IntentFiles,
    private readonly promises: SpoolPromises,
  ) {}

  /** What the last sweep that came to its end has found. */
  get report(): SweepReport | undefined {
    return this.last;
  }

  /** Does not wait: the database may take its time, and uploads need not. */
  onApplicationBootstrap(): void {
    this.begin();
    this.timer = setInterval(() => this.begin(), this.options.everyMs).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    this.stopping.abort();
    await this.running;
  }

  /**
   * Sweeps once; accepted files of another database are left alone. @throws QUEUE_UNAVAILABLE when the database cannot be
   * asked, Error of the file system; AbortError at a shutdown
   */
  async sweep(): Promise<SweepReport> {
    const { intents, promises, options } = this;
    const { files, owner } = this.spool;
    const { signal } = this.stopping;
    const leftOvers = (await removeSpoolLeftOvers(options.path)) + (await intents.removeLeftOvers());
    const isOurs = await owner.isOurs();
    if (!isOurs)
      this.logger.error({ path: options.path }, 'the spool holds accepted files of another database');
    const removed = isOurs ? await removeUnpromised(files, promises, options, signal) : NOTHING;
    const report = { ...removed, missing: await findMissing(files, promises, signal), leftOvers };
    this.last = report;
    this.tell(report);
    return report;
  }

  /** Unless one is under way. */
  private begin(): void {
    this.running ??= this.sweep()
      .catch((error: unknown) => {
        if (!this.stopping.signal.aborted) this.logger.warn({ err: error }, 'the spool was not swept');
      })
      .finally(() => {
        this.running = undefined;
      });
  }

  private tell({ orphans, finished, missing, leftOvers }: SweepReport): void {
    if (missing.length > 0)
      this.logger.error({ uploads: missing }, 'accepted files are missing in the spool');
    if (orphans.length > 0) this.logger.warn({ uploads: orphans }, 'removed files that nobody was promised');
    if (finished.length > 0 || leftOvers > 0) {
      this.logger.log({ uploads: finished, leftOvers }, 'removed what was left in the spool');
    }
  }
}
