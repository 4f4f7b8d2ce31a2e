import { Injectable } from '@nestjs/common';
import { Counter, Gauge } from '@prometheus-io/client';
import { Metrics } from '../observability/metrics.service.js';
import { Replicas } from '../replicas/replicas.service.js';

/** How an upload that comes in several requests ended without a file. */
type Ending = 'expired' | 'removed' | 'refused';

/** Counts what only uploads know that come in several requests; each request of theirs is counted as every upload is. */
@Injectable()
export class ResumptionMetrics {
  /** Requests that went on with an upload of some bytes. */
  readonly resumed: Counter;
  /** Requests whose bytes began at another offset. */
  readonly conflicts: Counter;
  private readonly endings: Counter<'ending'>;

  constructor(
    private readonly metrics: Metrics,
    private readonly replicas: Replicas,
  ) {
    const { registry } = metrics;
    const registers = [registry];
    this.resumed = new Counter({
      name: 'resumable_uploads_resumed_total',
      help: 'Requests that went on with an upload of which some bytes were there.',
      registers,
    });
    this.conflicts = new Counter({
      name: 'resumable_offset_conflicts_total',
      help: 'Requests whose bytes began at another offset than that of the upload.',
      registers,
    });
    this.endings = new Counter({
      name: 'resumable_uploads_ended_total',
      help: 'Uploads that ended without a file, by why: their time was over, they were removed, or refused.',
      labelNames: ['ending'],
      registers,
    });
    for (const ending of ['expired', 'removed', 'refused'] as const) this.endings.inc({ ending }, 0);
  }

  /** `open` says how many there are. */
  watch(open: () => number): void {
    const gauge: Gauge = new Gauge({
      name: 'resumable_uploads_open',
      help: 'Uploads in the spool that are not complete, as far as this process has seen them.',
      registers: [this.metrics.registry],
      collect: () => gauge.set(open()),
    });
    this.replicas.reports(() => ({ spool: { open_uploads: open() } }));
  }

  ended(ending: Ending): void {
    this.endings.inc({ ending });
  }
}
