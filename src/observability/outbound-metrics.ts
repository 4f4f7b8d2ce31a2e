import { Counter, Gauge, type Registry } from '@prometheus-io/client';

/** Why an attempt that failed was not followed by another one, although there was an attempt left. */
export type SuppressedRetry = 'budget' | 'deadline' | 'not_replayable' | 'predicate' | 'aborted';

/** What was late: the connection, the head of the answer, bytes under way, the confirmation, or all of the call. */
export type TimeoutPhase = 'connect' | 'headers' | 'stall' | 'commit' | 'total';

/** How full a bulkhead is. */
export interface BulkheadReading {
  /** Labels the metric: of a dependency or of the process, never of a caller. */
  readonly name: string;
  readonly inflight: number;
  readonly queued: number;
  readonly inflightBytes: number;
  /** Calls turned away since the start. */
  readonly rejected: number;
}

/** What calls to others cost. A `name` is one of a dependency, for it labels a metric. */
export class OutboundMetrics {
  readonly #retries: Counter<'name'>;
  readonly #suppressed: Counter<'name' | 'reason'>;
  readonly #fallbacks: Counter<'name' | 'kind' | 'outcome'>;
  readonly #timeouts: Counter<'name' | 'phase'>;
  readonly #bulkheads: (() => Iterable<BulkheadReading>)[] = [];
  #retried = 0;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#retries = new Counter({
      name: 'resilience_retry_attempts_total',
      help: 'Attempts after the first one of a call, by the target that they went to.',
      labelNames: ['name'],
      registers,
    });
    this.#suppressed = new Counter({
      name: 'resilience_retry_suppressed_total',
      help: 'Failed attempts that were not tried again, by the target that failed and why.',
      labelNames: ['name', 'reason'],
      registers,
    });
    this.#fallbacks = new Counter({
      name: 'resilience_fallback_total',
      help: 'Calls that went on elsewhere after their first target failed, by that target and how it ended.',
      labelNames: ['name', 'kind', 'outcome'],
      registers,
    });
    this.#timeouts = new Counter({
      name: 'resilience_timeouts_total',
      help: 'Times that ran out, by the target, or the dependency for all of a call, and by what was late.',
      labelNames: ['name', 'phase'],
      registers,
    });
    this.#addBulkheads(registers);
  }

  /** Counts an attempt that is not the first of its call. */
  retried(name: string): void {
    this.#retries.inc({ name });
    this.#retried += 1;
  }

  /** Attempts that were not the first of their call, since the process began. */
  get retriesMade(): number {
    return this.#retried;
  }

  retrySuppressed(name: string, reason: SuppressedRetry): void {
    this.#suppressed.inc({ name, reason });
  }

  fellBack(name: string, kind: 'next_target' | 'spool', outcome: 'success' | 'failure'): void {
    this.#fallbacks.inc({ name, kind, outcome });
  }

  timedOut(name: string, phase: TimeoutPhase): void {
    this.#timeouts.inc({ name, phase });
  }

  /** Has `read` asked for bulkheads whenever metrics are; readings of one name are added up. */
  watchBulkheads(read: () => Iterable<BulkheadReading>): void {
    this.#bulkheads.push(read);
  }

  #addBulkheads(registers: Registry[]): void {
    const add = (
      member: Exclude<keyof BulkheadReading, 'name'>,
      metric: Gauge<'name'> | Counter<'name'>,
    ): void => {
      metric.reset();
      for (const read of this.#bulkheads) {
        for (const reading of read()) metric.inc({ name: reading.name }, reading[member]);
      }
    };
    const labelled = { labelNames: ['name'] as const, registers };
    const inflight: Gauge<'name'> = new Gauge({
      ...labelled,
      name: 'resilience_bulkhead_inflight',
      help: 'Calls that a bulkhead has let in.',
      collect: () => add('inflight', inflight),
    });
    const queued: Gauge<'name'> = new Gauge({
      ...labelled,
      name: 'resilience_bulkhead_queued',
      help: 'Calls that wait at a bulkhead.',
      collect: () => add('queued', queued),
    });
    const inflightBytes: Gauge<'name'> = new Gauge({
      ...labelled,
      name: 'resilience_bulkhead_inflight_bytes',
      help: 'Bytes of the calls that a bulkhead has let in.',
      collect: () => add('inflightBytes', inflightBytes),
    });
    const rejected: Counter<'name'> = new Counter({
      ...labelled,
      name: 'resilience_bulkhead_rejected_total',
      help: 'Calls that a bulkhead turned away.',
      collect: () => add('rejected', rejected),
    });
  }
}
