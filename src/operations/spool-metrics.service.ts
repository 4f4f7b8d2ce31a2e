import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { Metrics } from '../observability/metrics.service.js';
import { SpoolFolder, type SpoolUsage } from '../resilience/spool-folder.service.js';

/** Shows what the spool holds, as of when it is read. */
@Injectable()
export class SpoolMetrics {
  constructor(
    private readonly folder: SpoolFolder,
    private readonly metrics: Metrics,
  ) {
    this.add('spool_bytes', 'Bytes of uploads that this process has on the disk.', ({ bytes }) => bytes);
    this.add('spool_files', 'Files of the spool.', ({ files }) => files);
    this.add(
      'spool_oldest_age_seconds',
      'Age of the oldest file of the spool; 0 when there is none.',
      ({ oldestAgeMs }) => oldestAgeMs / 1_000,
    );
    this.add(
      'spool_limit_bytes',
      'Most bytes that the spool may hold; 0 when only the disk limits it.',
      ({ limitBytes }) => limitBytes,
    );
  }

  private add(name: string, help: string, read: (usage: SpoolUsage) => number): void {
    const registers = [this.metrics.registry];
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers,
      collect: () => gauge.set(read(this.folder.usage())),
    });
  }
}
