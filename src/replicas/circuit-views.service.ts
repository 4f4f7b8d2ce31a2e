import { Injectable } from '@nestjs/common';
import { Metrics } from '../observability/metrics.service.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import type { CircuitReport } from '../outbound/circuit-reports.js';
import { Replicas } from './replicas.service.js';
import type { TransitionReport } from './replica-state.js';

/** Transitions that go with each beat, and those that are told of all replicas. */
const TOLD = 20;
const MOST = 100;

/** Fewer replicas than this give each other no hints: one of two is no majority. */
const FEWEST_FOR_HINTS = 3;

/** A circuit as one replica sees it. */
export interface CircuitAtReplica extends Pick<
  CircuitReport,
  'state' | 'failure_count' | 'failure_threshold' | 'retry_at' | 'cooling_until' | 'forced'
> {
  readonly last_seen_at: string;
}

/**
 * The circuits of all replicas: each decides for itself, says with its beats how they are, and takes it for a hint where
 * others have left a target alone.
 */
@Injectable()
export class CircuitViews {
  constructor(
    private readonly replicas: Replicas,
    private readonly circuits: CircuitBreakers,
    { outbound }: Metrics,
  ) {
    replicas.reports(() => ({
      circuits: circuits.detailedReports(),
      retries: outbound.retriesMade,
      transitions: this.ownTransitions().slice(0, TOLD),
    }));
    circuits.askElsewhere((name) => this.isOpenElsewhere(name));
  }

  /** One circuit, by the replicas that live. */
  of(name: string): Record<string, CircuitAtReplica> {
    const seen = this.replicas.all().flatMap(({ lives, replica_id: id, last_seen_at: at, circuits }) => {
      const report = circuits[name];
      return lives && report ? [[id, seenAt(report, at)] as const] : [];
    });
    return Object.fromEntries(seen);
  }

  /** What circuits did at all replicas, newest first: all that is kept here, and the last of others. */
  transitions(): TransitionReport[] {
    const others = this.replicas.others.flatMap(({ state }) => state.transitions);
    return [...this.ownTransitions(), ...others]
      .toSorted((one, other) => other.at.localeCompare(one.at))
      .slice(0, MOST);
  }

  /** Have at least half of three or more replicas that live found a target failing? What was ordered says nothing of it. */
  private isOpenElsewhere(name: string): boolean {
    const others = this.replicas.others.filter(({ lives }) => lives);
    const total = others.length + 1;
    if (total < FEWEST_FOR_HINTS) return false;
    const open = others.filter(({ state: { circuits } }) => {
      const circuit = circuits[name];
      return circuit?.state === 'open' && !circuit.forced;
    });
    return open.length * 2 >= total;
  }

  private ownTransitions(): TransitionReport[] {
    const { replicaId } = this.replicas;
    return this.circuits.transitions
      .map(({ name, from, to, cause, atWallMs, by = null, reason = null }) => {
        return {
          at: new Date(atWallMs).toISOString(),
          replica_id: replicaId,
          name,
          from,
          to,
          cause,
          by,
          reason,
        };
      })
      .toReversed();
  }
}

function seenAt(report: CircuitReport, at: string): CircuitAtReplica {
  const { state, failure_count, failure_threshold, retry_at, cooling_until, forced } = report;
  return {
    state,
    failure_count,
    failure_threshold,
    retry_at,
    cooling_until,
    ...(forced && { forced }),
    last_seen_at: at,
  };
}
