import { Injectable } from '@nestjs/common';
import { Metrics } from '../observability/metrics.service.js';
import { Replicas } from '../replicas/replicas.service.js';
import type { StatePart } from '../replicas/replica-state.js';
import { ActiveUploads } from './active-uploads.service.js';

/** Tells other replicas and operators of the uploads of this one. */
@Injectable()
export class IngestReports {
  constructor(
    private readonly replicas: Replicas,
    private readonly metrics: Metrics,
    private readonly active: ActiveUploads,
  ) {
    replicas.reports(() => this.report());
  }

  private report(): StatePart {
    const { inFlight, ended, receivedBytes, forwardedBytes } = this.metrics.uploads.figures;
    return {
      draining: this.active.draining.aborted || this.replicas.isDrained,
      uploads: { in_flight: inFlight, ...ended },
      bytes: { received: receivedBytes, sent: forwardedBytes },
    };
  }
}
