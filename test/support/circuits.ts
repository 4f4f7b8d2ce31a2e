import type { CircuitBreaker } from '../../src/outbound/circuit/circuit-breaker.js';
import type { CircuitReport } from '../../src/outbound/circuit-reports.js';

/** The report of a circuit with default settings that has seen no call. */
export const UNTOUCHED: CircuitReport = {
  state: 'closed',
  failure_count: 0,
  failure_threshold: 5,
  success_count: 0,
  success_threshold: 2,
  opened_at: null,
  last_failure_time: null,
  last_success_time: null,
  consecutive_failures: 0,
  consecutive_successes: 0,
  state_changes: 0,
  rejected_count: 0,
  neutral_count: 0,
  retry_at: null,
  cooling_until: null,
  health_percentage: 100,
};

/** Makes a call that ends with `outcome`. */
export function callThrough(circuit: CircuitBreaker, outcome: 'success' | 'failure' | 'neutral'): void {
  const permit = circuit.tryAcquire();
  if (!permit.admitted) throw new Error('the circuit is open');
  if (outcome === 'neutral') permit.release();
  else permit[outcome]();
}
