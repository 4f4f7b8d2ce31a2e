import { publicNames } from '../observability/public-names.js';
import type { CircuitCounters } from './circuit/circuit-counters.js';
import type { CircuitSettings } from './circuit/circuit-settings.js';
import type { CircuitState, CircuitStateName } from './circuit/circuit-state.js';

/** One circuit as operators read it. Times are RFC 3339 in UTC; members are as on the wire. */
export interface CircuitReport {
  readonly state: CircuitStateName;
  /** Failures within the window. */
  readonly failure_count: number;
  readonly failure_threshold: number;
  /** Successes since the circuit came to its state. */
  readonly success_count: number;
  readonly success_threshold: number;
  /** null while closed. */
  readonly opened_at: string | null;
  readonly last_failure_time: string | null;
  readonly last_success_time: string | null;
  readonly consecutive_failures: number;
  readonly consecutive_successes: number;
  readonly state_changes: number;
  readonly rejected_count: number;
  readonly neutral_count: number;
  /** When an open circuit admits probes; null in another state, and where only a reset ends it. */
  readonly retry_at: string | null;
  /** Until when the target has asked to be left alone (`Retry-After`), whatever the state; null where it has not. */
  readonly cooling_until: string | null;
  /** Closed 100, half-open 50, open 0. */
  readonly health_percentage: number;
  /** Only while the circuit is open by hand; `until` is null when only a reset ends it. */
  readonly forced?: { readonly reason: string; readonly by: string; readonly until: string | null };
}

/** One circuit as other replicas and operators read it: with what its calls are about at the moment. */
export interface DetailedCircuitReport extends CircuitReport {
  /** Calls that were admitted and have not ended. */
  readonly in_flight: number;
  /** The last failure of which is known what it was. */
  readonly last_error: { readonly code: string; readonly at: string } | null;
}

type CircuitSummary = Pick<
  CircuitReport,
  | 'state'
  | 'failure_count'
  | 'failure_threshold'
  | 'success_count'
  | 'success_threshold'
  | 'health_percentage'
> & { readonly name: string };

/** All circuits in one word. */
type CircuitsStatus = 'healthy' | 'degraded' | 'critical';

/** `GET /api/v1/resilience/health` */
export interface CircuitsHealth {
  /** Degraded when any circuit is open, critical when more than half are. */
  readonly status: CircuitsStatus;
  readonly timestamp: string;
  readonly total_circuits: number;
  readonly circuits_by_state: Readonly<Record<CircuitStateName, number>>;
  /** Names. */
  readonly open_circuits: readonly string[];
}

/** `GET /health/circuit-breakers`, which is for everybody: no ids of storage elements, no reasons, no people. */
export interface CircuitsOverview {
  readonly status: CircuitsStatus;
  readonly timestamp: string;
  readonly circuit_breakers: Readonly<Record<string, Pick<CircuitReport, 'state'>>>;
  readonly summary: {
    readonly total_breakers: number;
    readonly open_circuits: number;
    readonly half_open_circuits: number;
    readonly closed_circuits: number;
    /** Is every circuit closed? */
    readonly all_healthy: boolean;
  };
}

/** The rest that a target has asked for. */
export interface Cooling {
  /** When it is over; undefined where there is none. */
  readonly untilWallMs: number | undefined;
}

/** What a report is made of, read from a breaker at one moment. */
interface CircuitView {
  readonly state: CircuitState;
  readonly settings: CircuitSettings;
  readonly counters: CircuitCounters;
  readonly failures: number;
  readonly coolingUntilWallMs: number | undefined;
}

const HEALTH_PERCENTAGE: Readonly<Record<CircuitStateName, number>> = { closed: 100, half_open: 50, open: 0 };

export function circuitReport(view: CircuitView): CircuitReport {
  const { state, settings, counters, failures } = view;
  const retryAt = state.kind === 'open' ? timeOf(state.retryAt?.wallMs) : null;
  const forced = state.kind === 'open' ? state.forced : undefined;
  return {
    state: state.kind,
    failure_count: failures,
    failure_threshold: settings.failureThreshold,
    success_count: state.kind === 'open' ? 0 : state.successes,
    success_threshold: settings.successThreshold,
    opened_at: state.kind === 'closed' ? null : timeOf(state.openedAtWallMs),
    last_failure_time: timeOf(counters.lastFailureWallMs),
    last_success_time: timeOf(counters.lastSuccessWallMs),
    consecutive_failures: counters.consecutiveFailures,
    consecutive_successes: counters.consecutiveSuccesses,
    state_changes: counters.stateChanges,
    rejected_count: counters.calls.rejected,
    neutral_count: counters.calls.neutral,
    retry_at: retryAt,
    cooling_until: timeOf(view.coolingUntilWallMs),
    health_percentage: HEALTH_PERCENTAGE[state.kind],
    ...(forced && { forced: { reason: forced.reason, by: forced.by, until: retryAt } }),
  };
}

/** What a breaker tells of itself. */
interface ReportingCircuit {
  readonly inFlight: number;
  readonly lastError: { readonly code: string; readonly atWallMs: number } | undefined;
  report(): CircuitReport;
}

export function detailedReport(circuit: ReportingCircuit): DetailedCircuitReport {
  const { inFlight, lastError } = circuit;
  return {
    ...circuit.report(),
    in_flight: inFlight,
    last_error: lastError ? { code: lastError.code, at: new Date(lastError.atWallMs).toISOString() } : null,
  };
}

export function circuitsHealth(
  reports: Readonly<Record<string, CircuitReport>>,
  wallMs: number,
): CircuitsHealth {
  const named = Object.entries(reports);
  const byState = { closed: 0, open: 0, half_open: 0 };
  for (const [, report] of named) byState[report.state] += 1;
  return {
    status: statusOf(byState.open, named.length),
    timestamp: new Date(wallMs).toISOString(),
    total_circuits: named.length,
    circuits_by_state: byState,
    open_circuits: named.filter(([, report]) => report.state === 'open').map(([name]) => name),
  };
}

export function circuitsOverview(
  reports: Readonly<Record<string, CircuitReport>>,
  wallMs: number,
): CircuitsOverview {
  const {
    status,
    timestamp,
    total_circuits: total,
    circuits_by_state: count,
  } = circuitsHealth(reports, wallMs);
  return {
    status,
    timestamp,
    circuit_breakers: publicNames(statesOf(reports)),
    summary: {
      total_breakers: total,
      open_circuits: count.open,
      half_open_circuits: count.half_open,
      closed_circuits: count.closed,
      all_healthy: count.closed === total,
    },
  };
}

/** `GET /api/v1/resilience/summary` */
export function circuitsSummary(reports: Readonly<Record<string, CircuitReport>>): CircuitSummary[] {
  return Object.entries(reports).map(([name, report]) => ({
    name,
    state: report.state,
    failure_count: report.failure_count,
    failure_threshold: report.failure_threshold,
    success_count: report.success_count,
    success_threshold: report.success_threshold,
    health_percentage: report.health_percentage,
  }));
}

function statesOf(
  reports: Readonly<Record<string, CircuitReport>>,
): Record<string, Pick<CircuitReport, 'state'>> {
  return Object.fromEntries(Object.entries(reports).map(([name, { state }]) => [name, { state }]));
}

function statusOf(open: number, total: number): CircuitsStatus {
  if (open === 0) return 'healthy';
  return open * 2 > total ? 'critical' : 'degraded';
}

function timeOf(wallMs: number | undefined): string | null {
  return wallMs === undefined ? null : new Date(wallMs).toISOString();
}
