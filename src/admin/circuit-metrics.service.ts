import { Injectable } from '@nestjs/common';
import { Counter, Gauge, type Registry } from '@prometheus-io/client';
import { Metrics } from '../observability/metrics.service.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';

const STATES = ['closed', 'open', 'half_open'] as const;
const OUTCOMES = ['success', 'failure', 'neutral', 'rejected'] as const;

/**
 * Counts what circuits do. State and calls are asked of the circuits when the metrics are read, so that calls cost
 * nothing more and no report contradicts another.
 */
@Injectable()
export class CircuitMetrics {
  constructor(
    private readonly circuits: CircuitBreakers,
    { registry }: Metrics,
  ) {
    const registers = [registry];
    // State first: to look at a circuit may be what makes its transition.
    this.addState(registers);
    this.addForced(registers);
    this.addTransitions(registers);
    this.addCalls(registers);
  }

  private addState(registers: Registry[]): void {
    const gauge: Gauge<'name' | 'state'> = new Gauge({
      name: 'resilience_circuit_breaker_state',
      help: '1 for the state that a circuit is in, 0 for the others.',
      labelNames: ['name', 'state'],
      registers,
      collect: () => {
        for (const { name, state: current } of this.circuits.all())
          for (const state of STATES) gauge.set({ name, state }, state === current ? 1 : 0);
      },
    });
  }

  private addForced(registers: Registry[]): void {
    const gauge: Gauge<'name'> = new Gauge({
      name: 'resilience_circuit_breaker_forced',
      help: '1 while a circuit is open since an operator ordered it, else 0.',
      labelNames: ['name'],
      registers,
      collect: () => {
        for (const { name, forced } of this.circuits.all()) gauge.set({ name }, forced ? 1 : 0);
      },
    });
  }

  private addTransitions(registers: Registry[]): void {
    const counter = new Counter({
      name: 'resilience_circuit_breaker_transitions_total',
      help: 'Changes of the state of a circuit, and what caused them.',
      labelNames: ['name', 'from', 'to', 'cause'],
      registers,
    });
    this.circuits.onTransition(({ name, from, to, cause }) => counter.inc({ name, from, to, cause }));
  }

  private addCalls(registers: Registry[]): void {
    const counter: Counter<'name' | 'outcome'> = new Counter({
      name: 'resilience_circuit_breaker_calls_total',
      help: 'Calls that a circuit saw, by what they said about the target; rejected ones were not made.',
      labelNames: ['name', 'outcome'],
      registers,
      collect: () => {
        counter.reset();
        for (const { name, totals } of this.circuits.all())
          for (const outcome of OUTCOMES) counter.inc({ name, outcome }, totals[outcome]);
      },
    });
  }
}
