import { Injectable, ServiceUnavailableException } from '@nestjs/common';
import { type HealthCheckResult, HealthCheckService, type HealthIndicatorResult } from '@nestjs/terminus';
import { PublicPages } from '../observability/public-pages.service.js';
import type { SharedResult } from '../observability/shared-result.js';
import { ShutdownState } from '../observability/shutdown-state.js';
import { CheckRunner } from './check-runner.service.js';
import { type Readiness, readinessOf } from './readiness.js';

const SHUTTING_DOWN = readinessOf({ status: 'shutting_down', info: {}, error: {}, details: {} });

/**
 * A critical check that is down makes the service not ready, another one degrades it. During shutdown it is not
 * ready, and nothing is checked any more.
 */
@Injectable()
export class ReadinessService {
  private readonly readiness: SharedResult<Readiness>;

  constructor(
    private readonly runner: CheckRunner,
    private readonly health: HealthCheckService,
    private readonly shutdown: ShutdownState,
    pages: PublicPages,
  ) {
    this.readiness = pages.share(async () => readinessOf(await this.report(await this.runner.run())));
  }

  /** Shared by all who ask, but for the shutdown, which nobody learns late. @throws BULKHEAD_FULL */
  async check(): Promise<Readiness> {
    if (this.shutdown.isShuttingDown) return SHUTTING_DOWN;
    const readiness = await this.readiness.get();
    return this.shutdown.isShuttingDown ? SHUTTING_DOWN : readiness;
  }

  /** Terminus throws a report that is not good; thrown on, it would be answered as a failure of ours. */
  private async report(results: readonly HealthIndicatorResult[]): Promise<HealthCheckResult> {
    try {
      return await this.health.check(results.map((result) => () => result));
    } catch (error) {
      const report = error instanceof ServiceUnavailableException ? error.getResponse() : undefined;
      if (!isReport(report)) throw error;
      return report;
    }
  }
}

function isReport(value: unknown): value is HealthCheckResult {
  return typeof value === 'object' && value !== null && 'details' in value;
}
