import { Inject, Injectable, Logger } from '@nestjs/common';
import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';
import { ERROR_CATALOGUE } from '../errors/catalogue.js';
import { Metrics } from '../observability/metrics.service.js';
import { CLOCK, type Clock } from '../resilience/clock.js';
import { Database } from '../database/database.service.js';
import { type DeliveryFigures, readFigures } from './dead-letters/delivery-figures.js';
import { inTime } from './dead-letters/in-time.js';
import { SpoolSpace } from './spool/spool-space.service.js';
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

/**
 * Counts what deliveries, registrations and removals come to. Gauges are read when somebody asks: of the database only where it
 * was used, and not at all, rather than wrongly, where it does not answer.
 */
@Injectable()
export class DeliveryMetrics {
  private readonly logger = new Logger(DeliveryMetrics.name);
  private readonly ends: (outcome: string, durationMs: number) => void;
  private readonly died: Counter<'reason'>;
  private readonly revived: Counter<'reason'>;
  private reading:
    { readonly sinceMs: number; readonly figures: Promise<DeliveryFigures | undefined> } | undefined;
  private failing = false;

  constructor(
    { registry }: Metrics,
    private readonly database: Database,
    private readonly space: SpoolSpace,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const registers = [registry];
    this.ends = endsOfTries(registers);
    this.died = byReason('dead_lettered_total', 'Tasks that became dead letters, by why.', registers);
    this.revived = byReason(
      'dead_letters_redelivered_total',
      'Dead letters that operators had tried again, by what they had died of.',
      registers,
    );
    this.addGauges(registers);
    this.addSpool(registers);
  }

  /** A try at a task has ended, and what becomes of the task is written down; `doneAs` is what it is if it was done. */
  settled(doneAs: string, step: NextStep, durationMs: number): void {
    this.ends(step.kind === 'finish' ? doneAs : OUTCOME_OF[step.kind], durationMs);
    if (step.kind === 'die') this.died.inc({ reason: labelOf(step.reason) });
  }

  /** A dead letter has become a task again; `reason` is what it had died of. */
  redelivered(reason: string | null): void {
    this.revived.inc({ reason: labelOf(reason) });
  }

  private addGauges(registers: Registry[]): void {
    this.addGauge(
      'delivery_queue_depth',
      'Tasks that wait or are being worked on.',
      registers,
      (f) => f.queueDepth,
    );
    this.addGauge(
      'delivery_waiting_without_spool',
      'Deliveries whose file lies in a spool that no living replica has.',
      registers,
      (f) => f.withoutSpool,
    );
    this.addGauge(
      'dead_letters_oldest_age_seconds',
      'Time since the oldest dead letter died; 0 where there is none.',
      registers,
      ({ oldestDeadAt }) => (oldestDeadAt === null ? 0 : (this.clock.wallMs() - oldestDeadAt) / 1000),
    );
    const seen = new Set<string>();
    const letters: Gauge<'reason'> = new Gauge({
      name: 'dead_letters',
      help: 'Dead letters that wait for an operator, by why they died.',
      labelNames: ['reason'],
      registers,
      collect: async () => {
        const figures = await this.figures();
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

  private addGauge(
    name: string,
    help: string,
    registers: Registry[],
    valueOf: (figures: DeliveryFigures) => number,
  ): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers,
      collect: async () => {
        const figures = await this.figures();
        if (figures) gauge.set(valueOf(figures));
        else gauge.remove();
      },
    });
  }

  private addSpool(registers: Registry[]): void {
    const report = (): ReturnType<SpoolSpace['report']> => this.space.report();
    const readings: [name: string, help: string, read: () => number][] = [
      ['spool_bytes', 'Bytes of accepted files in the spool, dead letters included.', () => report().bytes],
      ['spool_files', 'Accepted files in the spool, dead letters included.', () => report().files],
      [
        'spool_oldest_age_seconds',
        'Time since the oldest file in the spool was accepted.',
        () => report().oldestAgeMs / 1000,
      ],
      [
        'spool_reserved_bytes',
        'Bytes of the spool that are reserved for uploads that may have to be kept, in this process.',
        () => report().reservedBytes,
      ],
      [
        'spool_limit_bytes',
        'Most bytes of accepted files in the spool; 0: only the disk limits.',
        () => report().limitBytes,
      ],
    ];
    for (const [name, help, read] of readings) {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) });
    }
  }

  /** Undefined where the database does not tell. Never fails, so that the rest of the metrics is seen. */
  private figures(): Promise<DeliveryFigures | undefined> {
    const nowMs = this.clock.monotonicMs();
    if (!this.reading || nowMs - this.reading.sinceMs >= CACHE_MS) {
      this.reading = { sinceMs: nowMs, figures: this.read() };
    }
    return this.reading.figures;
  }

  private async read(): Promise<DeliveryFigures | undefined> {
    if (!this.database.isUsed()) return { queueDepth: 0, withoutSpool: 0, dead: [], oldestDeadAt: null };
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

/** Counts a try by how it ended. */
function endsOfTries(registers: Registry[]): (outcome: string, durationMs: number) => void {
  const jobs = new Counter({
    name: 'delivery_jobs_total',
    help: 'Tries at deliveries, registrations and removals of copies, by how they ended.',
    labelNames: ['outcome'],
    registers,
  });
  const durations = new Histogram({
    name: 'delivery_duration_seconds',
    help: 'Time of a try at a delivery, registration or removal, from its claim to its end.',
    labelNames: ['outcome'],
    buckets: DURATIONS_SECONDS,
    registers,
  });
  for (const outcome of OUTCOMES) jobs.inc({ outcome }, 0);
  return (outcome, durationMs) => {
    jobs.inc({ outcome });
    durations.observe({ outcome }, durationMs / 1000);
  };
}

function byReason(name: string, help: string, registers: Registry[]): Counter<'reason'> {
  return new Counter({ name, help, labelNames: ['reason'], registers });
}

function labelOf(reason: string | null): string {
  return reason !== null && REASONS.has(reason) ? reason : 'other';
}
