import type { DeadLetterGroup } from '../delivery/dead-letter.js';
import { type Causes, recommendations } from './dlq-recommendations.js';
import type { DlqReport } from './dlq.dto.js';

/** So many dead letters ask for attention, and so many are a crisis. */
const WARNING_THRESHOLD = 10;
const CRITICAL_THRESHOLD = 50;

/** Where operators read what the dead letters come from. */
const CAUSES = 'GET /api/v1/health/dlq says what they come from, to those who may read it (admin:read)';

/** `GET /api/v1/health/dlq` */
export function dlqReport(causes: Causes): DlqReport {
  const { groups, now } = causes;
  const total = sum(groups, ({ count }) => count);
  const recent = sum(groups, (group) => group.recent);
  const byKind = Map.groupBy(groups, ({ kind }) => kind);
  const oldest = groups.map((group) => group.oldest.getTime());
  const newest = groups.map((group) => group.newest.getTime());
  return {
    status: statusOf(total),
    timestamp: now.toISOString(),
    statistics: {
      total_failed_tasks: total,
      recent_failures_24h: recent,
      failures_by_task_type: Object.fromEntries(
        [...byKind].map(([kind, some]) => [kind, sum(some, ({ count }) => count)]),
      ),
      oldest_failure: timeOf(Math.min(...oldest)),
      newest_failure: timeOf(Math.max(...newest)),
    },
    health_indicators: {
      total_failed_tasks: total,
      recent_failures_24h: recent,
      requires_attention: total >= WARNING_THRESHOLD,
      critical_threshold: CRITICAL_THRESHOLD,
      warning_threshold: WARNING_THRESHOLD,
    },
    recommendations: recommendations(causes),
  };
}

/** `GET /health/dlq`, which is for everybody: causes name storage elements. */
export function publicDlqReport(report: DlqReport): DlqReport {
  const { status, timestamp, statistics, health_indicators } = report;
  const hints = statistics.total_failed_tasks === 0 ? [] : [CAUSES];
  return { status, timestamp, statistics, health_indicators, recommendations: hints };
}

function statusOf(total: number): DlqReport['status'] {
  if (total >= CRITICAL_THRESHOLD) return 'critical';
  return total >= WARNING_THRESHOLD ? 'degraded' : 'healthy';
}

function sum(groups: readonly DeadLetterGroup[], valueOf: (group: DeadLetterGroup) => number): number {
  return groups.reduce((total, group) => total + valueOf(group), 0);
}

/** The first or last of none is endless. */
function timeOf(wallMs: number): string | null {
  return Number.isFinite(wallMs) ? new Date(wallMs).toISOString() : null;
}
