import { Injectable } from '@nestjs/common';
import { Replicas } from '../replicas/replicas.service.js';
import type { StatePart } from '../replicas/replica-state.js';
import { DeliveryHealth } from './delivery-health.service.js';
import { DeliveryMetrics } from './delivery-metrics.service.js';
import { SpoolSpace } from './spool/spool-space.service.js';

const SHUT = {
  bytes: 'full',
  disk: 'disk',
  age: 'age',
  'read-only': 'read_only',
  unusable: 'unusable',
  foreign: 'foreign',
} as const;

/** Tells other replicas and operators of the spool of this one, and of its deliveries. */
@Injectable()
export class DeliveryReports {
  constructor(
    replicas: Replicas,
    private readonly metrics: DeliveryMetrics,
    private readonly space: SpoolSpace,
    private readonly health: DeliveryHealth,
  ) {
    replicas.reports(() => this.report());
  }

  private report(): StatePart {
    const { delivered, failedAttempts } = this.metrics.counted;
    const { bytes, files, limitBytes, freeBytes = null } = this.space.report();
    const { spoolShut } = this.health;
    const shut = spoolShut === undefined ? null : SHUT[spoolShut];
    return {
      deliveries: { delivered, failed_attempts: failedAttempts },
      spool: { bytes, files, limit_bytes: limitBytes, free_bytes: freeBytes, shut },
    };
  }
}
