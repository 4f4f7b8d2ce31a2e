import { Injectable, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheckService, type HealthIndicatorResult } from '@nestjs/terminus';
import { ShutdownState } from '../observability/shutdown-state.js';
import { CheckRunner } from './check-runner.service.js';

/** Whether the service can do its work, with Terminus's report of why. */
export interface Readiness {
  readonly ready: boolean;
  readonly report: object;
}

const SHUTTING_DOWN: Readiness = {
  ready: false,
  report: { status: 'shutting_down', info: {}, error: {}, details: {} },
};

/**
 * A critical check that is down makes the service not ready, another one degrades it. During shutdown it is not
 * ready, and nothing is checked any more.
 */
@Injectable()
export class ReadinessService {
  constructor(
    private readonly runner: CheckRunner,
    private readonly health: HealthCheckService,
    private readonly shutdown: ShutdownState,
  ) {}

  async check(): Promise<Readiness> {
    if (this.shutdown.isShuttingDown) return SHUTTING_DOWN;
    return this.report(await this.runner.run());
  }

  /** Terminus throws a report that is not good; thrown on, it would be answered as a failure of ours. */
  private async report(results: readonly HealthIndicatorResult[]): Promise<Readiness> {
    try {
      return { ready: true, report: await this.health.check(results.map((result) => () => result)) };
    } catch (error) {
      const report = error instanceof ServiceUnavailableException ? error.getResponse() : undefined;
      if (typeof report !== 'object') throw error;
      return { ready: false, report };
    }
  }
}
