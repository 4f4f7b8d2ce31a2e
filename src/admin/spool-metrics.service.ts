import { Injectable } from '@nestjs/common';
import { Gauge } from '@prometheus-io/client';
import { Metrics } from '../observability/metrics.service.js';
import { SpoolFolder, type SpoolUsage } from '../body/spool-folder.service.js';

/** Shows what the bodies of uploads in flight have on the disk, as of when it is read. */
@Injectable()
export class SpoolMetrics {
  constructor(
    private readonly folder: SpoolFolder,
    private readonly metrics: Metrics,
  ) {
    this.add(
      'body_spool_bytes',
      'Bytes of uploads in flight that this process keeps on the disk, to send them again.',
      ({ bytes }) => bytes,
    );
    this.add('body_spool_files', 'Files of uploads in flight.', ({ files }) => files);
    this.add(
      'body_spool_spare_bytes',
      'Bytes of files whose upload has ended, which wait for a moment to be written again.',
      ({ spareBytes }) => spareBytes,
    );
    this.add(
      'body_spool_oldest_age_seconds',
      'Age of the oldest of these files; 0 when there is none.',
      ({ oldestAgeMs }) => oldestAgeMs / 1_000,
    );
    this.add(
      'body_spool_limit_bytes',
      'Most bytes of these files; 0 when only the disk limits it.',
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
