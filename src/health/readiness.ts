import type { HealthCheckResult, HealthIndicatorResult } from '@nestjs/terminus';
import { jsonPage, type Page } from '../observability/page.js';
import { publicNames } from '../observability/public-names.js';

/** Whether the service can do its work, as it is told to whom. */
export interface Readiness {
  readonly status: 200 | 503;
  /** For operators: with the ids of storage elements. */
  readonly report: HealthCheckResult;
  /** For everybody: storage elements have numbers. */
  readonly page: Page;
  /** For a public port beside `MANAGEMENT_PORT`: the status alone. */
  readonly statusPage: Page;
}

export function readinessOf(report: HealthCheckResult): Readiness {
  const status = report.status === 'ok' || report.status === 'degraded' ? 200 : 503;
  return {
    status,
    report,
    page: jsonPage(publicReport(report), status),
    statusPage: jsonPage({ status: report.status }, status),
  };
}

function publicReport({ status, info, error, details }: HealthCheckResult): HealthCheckResult {
  const names = publicNames(Object.fromEntries(Object.keys(details).map((name) => [name, name])));
  const renamed = (results: Partial<HealthIndicatorResult> = {}): HealthIndicatorResult =>
    Object.fromEntries(
      Object.entries(names).flatMap(([name, original]) => {
        const result = results[original];
        return result ? [[name, result]] : [];
      }),
    );
  return { status, info: renamed(info), error: renamed(error), details: renamed(details) };
}
