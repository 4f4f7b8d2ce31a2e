import { Inject, Injectable, Logger } from '@nestjs/common';
import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';
import { ERROR_CATALOGUE } from '../errors/catalogue.js';
import { Metrics } from '../observability/metrics.service.js';
import { SharedResult } from '../observability/shared-result.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import { Database } from '../database/database.service.js';
import { type DeliveryFigures, readFigures } from './dead-letters/delivery-figures.js';
import { inTime } from './dead-letters/in-time.js';
import { SHUT_REASONS, SpoolSpace, type SpoolSpaceReport } from './spool/spool-space.service.js';
import type { NextStep } from './worker/next-step.js';

/** How a try at a task may end; those that did their work are named by their kind. `postponed`: it is tried again. */
const OUTCOMES = ['delivered', 'registered', 'removed', 'postponed', 'dead', 'cancelled', 'expired'];
const OUTCOME_OF = { wait: 'postponed', die: 'dead', cancel: 'cancelled', expire: 'expired' } as const;
const DURATIONS_SECONDS = [0.01, 0.05, 0.2, 1, 5, 15, 60, 300, 1_800, 7_200];

/** What can be written down as a reason; anything else, as of another release, is counted as `other`. */
const REASONS = new Set([...Object.keys(ERROR_CATALOGUE), 'in_doubt', 'spool_damaged', 'spool_file_missing']);

/** Scrapes share what was read for so long; a database that does not answer in time is left out of them. */
const CACHE_MS = 5_000;
const READ_MS = 1_000;
const NOTHING_YET: DeliveryFigures = { queueDepth: 0, withoutSpool: 0, dead: [], oldestDeadAt: null };

/** What is read of a `Source` when somebody asks; undefined is not shown. */
type Reading<Source> = readonly [
  name: string,
  help: string,
  read: (source: Source, nowMs: number) => number | undefined,
];

const OF_TASKS: readonly Reading<DeliveryFigures>[] = [
  ['delivery_queue_depth', 'Tasks that wait or are being worked on.', ({ queueDepth }) => queueDepth],
  [
    'delivery_waiting_without_spool',
    'Deliveries whose file lies in a spool that no living replica has.',
    ({ withoutSpool }) => withoutSpool,
  ],
  [
    'dead_letters_oldest_age_seconds',
    'Time since the oldest dead letter died; 0 where there is none.',
    ({ oldestDeadAt }, nowMs) => (oldestDeadAt === null ? 0 : (nowMs - oldestDeadAt) / 1000),
  ],
];

const OF_SPOOL: readonly Reading<SpoolSpaceReport>[] = [
  ['spool_bytes', 'Bytes of accepted files in the spool, dead letters included.', ({ bytes }) => bytes],
  ['spool_files', 'Accepted files in the spool, dead letters included.', ({ files }) => files],
  [
    'spool_oldest_age_seconds',
    'Time since the oldest file in the spool was accepted.',
    ({ oldestAgeMs }) => oldestAgeMs / 1000,
  ],
  [
    'spool_reserved_bytes',
    'Bytes of the spool that are reserved for uploads that may have to be kept, in this process.',
    ({ reservedBytes }) => reservedBytes,
  ],
  [
    'spool_limit_bytes',
    'Most bytes of accepted files in the spool; 0: only the disk limits.',
    ({ limitBytes }) => limitBytes,
  ],
  [
    'spool_free_bytes',
    'Bytes that the disk of the spool has left; not there while the disk cannot be looked at.',
    ({ freeBytes }) => freeBytes,
  ],
];

/**
 * Counts what deliveries, registrations and removals come to. Gauges are read when somebody asks: of the database only where it
 * was used, and not at all, rather than wrongly, where it does not answer.
 */
@Injectable()
export class DeliveryMetrics {
  private readonly logger = new Logger(DeliveryMetrics.name);
  private readonly registers: Registry[];
  private readonly tries: Counter<'outcome'>;
  private readonly durations: Histogram<'outcome'>;
  private readonly died: Counter<'reason'>;
  private readonly revived: Counter<'reason'>;
  /** Undefined where the database does not tell. Never fails, so that the rest of the metrics is seen. */
  private readonly figures: SharedResult<DeliveryFigures | undefined>;
  private failing = false;
  private delivered = 0;
  private failedAttempts = 0;

  constructor(
    { registry }: Metrics,
    private readonly database: Database,
    space: SpoolSpace,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.registers = [registry];
    this.figures = new SharedResult(() => this.read(), {
      maxAgeMs: CACHE_MS,
      now: () => clock.monotonicMs(),
    });
    this.tries = this.counter(
      'delivery_jobs_total',
      'Tries at deliveries, registrations and removals of copies, by how they ended.',
      'outcome',
    );
    for (const outcome of OUTCOMES) this.tries.inc({ outcome }, 0);
    this.durations = new Histogram({
      name: 'delivery_duration_seconds',
      help: 'Time of a try at a delivery, registration or removal, from its claim to its end.',
      labelNames: ['outcome'],
      buckets: DURATIONS_SECONDS,
      registers: this.registers,
    });
    this.died = this.counter('dead_lettered_total', 'Tasks that became dead letters, by why.', 'reason');
    this.revived = this.counter(
      'dead_letters_redelivered_total',
      'Dead letters that operators had tried again, by what they had died of.',
      'reason',
    );
    for (const reading of OF_TASKS) this.addGauge(reading, () => this.figures.get());
    this.addLetters();
    for (const reading of OF_SPOOL) this.addGauge(reading, () => space.report());
    this.addShut(space);
  }

  /** A try at a task has ended, and what becomes of the task is written down; `doneAs` is what it is if it was done. */
  settled(doneAs: string, step: NextStep, durationMs: number): void {
    const outcome = step.kind === 'finish' ? doneAs : OUTCOME_OF[step.kind];
    this.tries.inc({ outcome });
    this.durations.observe({ outcome }, durationMs / 1000);
    if (outcome === 'delivered') this.delivered += 1;
    if (step.kind === 'die') this.died.inc({ reason: labelOf(step.reason) });
  }

  /** An attempt has failed that counts, so that there will be so many less. */
  attemptFailed(): void {
    this.failedAttempts += 1;
  }

  /** Since the process began. */
  get counted(): { readonly delivered: number; readonly failedAttempts: number } {
    return { delivered: this.delivered, failedAttempts: this.failedAttempts };
  }

  /** A dead letter has become a task again; `reason` is what it had died of. */
  redelivered(reason: string | null): void {
    this.revived.inc({ reason: labelOf(reason) });
  }

  private counter<Label extends string>(name: string, help: string, label: Label): Counter<Label> {
    return new Counter({ name, help, labelNames: [label], registers: this.registers });
  }

  /** Shows nothing while there is no source to read. */
  private addGauge<Source>(
    [name, help, read]: Reading<Source>,
    find: () => Source | Promise<Source | undefined>,
  ): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: this.registers,
      collect: async () => {
        const source = await find();
        const value = source === undefined ? undefined : read(source, this.clock.wallMs());
        if (value === undefined) gauge.remove();
        else gauge.set(value);
      },
    });
  }

  /** One series for each reason, all of them 0 while the spool takes files. */
  private addShut(space: SpoolSpace): void {
    const gauge: Gauge<'reason'> = new Gauge({
      name: 'spool_shut',
      help: 'Does the spool take nothing, and why? 1 for the reason.',
      labelNames: ['reason'],
      registers: this.registers,
      collect: () => {
        const { shut } = space.report();
        for (const reason of SHUT_REASONS) gauge.set({ reason }, reason === shut ? 1 : 0);
      },
    });
  }

  private addLetters(): void {
    const seen = new Set<string>();
    const letters: Gauge<'reason'> = new Gauge({
      name: 'dead_letters',
      help: 'Dead letters that wait for an operator, by why they died.',
      labelNames: ['reason'],
      registers: this.registers,
      collect: async () => {
        const figures = await this.figures.get();
        letters.reset();
        if (!figures) return;
        // A reason that was there once stays, so that a graph comes down to 0 instead of breaking off.
        for (const reason of seen) letters.set({ reason }, 0);
        for (const { reason, count } of figures.dead) {
          seen.add(labelOf(reason));
          letters.inc({ reason: labelOf(reason) }, count);
        }
      },
    });
  }

  private async read(): Promise<DeliveryFigures | undefined> {
    if (!this.database.isUsed()) return NOTHING_YET;
    try {
      const figures = await inTime(READ_MS, readFigures(this.database));
      this.failing = false;
      return figures;
    } catch (error) {
      if (!this.failing)
        this.logger.warn({ err: error }, 'metrics leave out what the database does not tell');
      this.failing = true;
      return undefined;
    }
  }
}

function labelOf(reason: string | null): string {
  return reason !== null && REASONS.has(reason) ? reason : 'other';
}
