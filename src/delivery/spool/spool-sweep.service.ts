import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { RegularWork } from '../../timing/regular-work.js';
import { removeSpoolLeftOvers } from '../../body/spool-left-overs.js';
import { type AbsentSpool, sentenceOf } from '../ledger/absent-spools.js';
import type { IntentFiles } from './intent-files.service.js';
import { type SpoolPromises, findMissing, removeUnpromised } from './spool-comparison.js';
import { acceptedFile } from './accepted-file.js';
import type { AcceptedFiles } from './accepted-files.service.js';

export interface SpoolSweepOptions {
  readonly path: string;
  /** Age below which a file may belong to a promise that is just being made. */
  readonly orphanMs: number;
  readonly everyMs: number;
}

/** What a sweep has found, as ids of uploads. */
export interface SweepReport {
  /** Files that no row knew; removed. */
  readonly orphans: readonly string[];
  /** Files whose upload was finished; removed. */
  readonly finished: readonly string[];
  /** How many files another database has promised; left alone. */
  readonly foreign: number;
  /** Rows that promise a file which is not there; left as they are. */
  readonly missing: readonly string[];
  /** Spools of others that nobody has now, although files wait there. */
  readonly absent: readonly AbsentSpool[];
  /** Files of bodies and intents that killed processes have left; removed. */
  readonly leftOvers: number;
}

/**
 * Compares the spool with the database, at the start and then regularly: what nobody is promised is removed, what is
 * promised and missing is reported. Several processes may do so at once.
 */
@Injectable()
export class SpoolSweep implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(SpoolSweep.name);
  private regular: RegularWork | undefined;
  private readonly stopping = new AbortController();
  private last: SweepReport | undefined;

  constructor(
    private readonly options: SpoolSweepOptions,
    private readonly files: AcceptedFiles,
    private readonly intents: IntentFiles,
    private readonly promises: SpoolPromises,
  ) {}

  /** What the last sweep that came to its end has found. */
  get report(): SweepReport | undefined {
    return this.last;
  }

  /** Does not wait: the database may take its time, and uploads need not. */
  onApplicationBootstrap(): void {
    this.regular = new RegularWork(() => this.sweepSafely(), this.options.everyMs);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.regular?.stop();
  }

  /** Sweeps once. @throws QUEUE_UNAVAILABLE, Error of the file system; AbortError at a shutdown */
  async sweep(): Promise<SweepReport> {
    const { files, intents, promises, options } = this;
    const { signal } = this.stopping;
    const leftOvers = (await removeSpoolLeftOvers(options.path)) + (await intents.removeLeftOvers());
    // Where nothing lies there, no database is made to ask about it.
    const names = await files.list();
    const databaseId = names.length > 0 ? await promises.databaseId() : '';
    const { orphanMs } = options;
    const removed = await removeUnpromised(files, promises, { databaseId, orphanMs }, signal);
    const foreign = names.filter((name) => acceptedFile(name)?.databaseId !== databaseId).length;
    const missing = await findMissing(files, promises, signal);
    const report = { ...removed, foreign, missing, leftOvers, absent: await promises.absentSpools() };
    this.tellOfAbsent(report.absent);
    this.last = report;
    this.tell(report);
    return report;
  }

  private async sweepSafely(): Promise<void> {
    try {
      await this.sweep();
    } catch (error) {
      if (!this.stopping.signal.aborted) this.logger.warn({ err: error }, 'the spool was not swept');
    }
  }

  /** Once, and again when that changes. */
  private tellOfAbsent(absent: readonly AbsentSpool[]): void {
    const told = new Set(this.last?.absent.map(sentenceOf));
    for (const sentence of absent.map(sentenceOf)) if (!told.has(sentence)) this.logger.warn(sentence);
  }

  private tell({ orphans, finished, foreign, missing, leftOvers }: SweepReport): void {
    if (foreign > 0)
      this.logger.error({ files: foreign }, 'the spool holds accepted files of another database');
    if (missing.length > 0)
      this.logger.error({ uploads: missing }, 'accepted files are missing in the spool');
    if (orphans.length > 0) this.logger.warn({ uploads: orphans }, 'removed files that nobody was promised');
    if (finished.length > 0 || leftOvers > 0) {
      this.logger.log({ uploads: finished, leftOvers }, 'removed what was left in the spool');
    }
  }
}
