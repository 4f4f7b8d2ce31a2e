import type { ErrorCode } from '../errors/catalogue.js';
import type { Bulkhead } from './bulkhead.js';
import type { CircuitBreaker } from './circuit/circuit-breaker.js';
import type { TotalTimeSettings } from './deadline/deadline.js';
import type { RetryAfterCooling } from './retry/retry-after-cooling.js';
import type { RetryBudget } from './retry/retry-budget.js';
import type { RetrySettings } from './retry/retry-plan.js';

/** What is remembered of one target. */
export interface OutboundTarget {
  readonly circuit: CircuitBreaker;
  readonly budget: RetryBudget;
  readonly cooling: RetryAfterCooling;
  /** Of a target that is only asked: the circuit that operators see. Where it is open by hand, probes stop as well. */
  readonly shownCircuit?: CircuitBreaker;
  /** Limits the attempts at this target alone; absent where the dependency's own limit is enough. */
  readonly bulkhead?: Bulkhead;
}

/** How the calls to one dependency are made. */
export interface OutboundPolicy {
  readonly name: string;
  readonly retry: RetrySettings;
  readonly totalTime: TotalTimeSettings;
  readonly bulkhead: Bulkhead;
  /** Codes that our own driver of this dependency throws for a failure of it. */
  readonly ownCodes: readonly ErrorCode[];
  /** What the caller is told when no target may be called. */
  readonly unavailable: { readonly code: ErrorCode; readonly detail: string };
  readonly targets: ReadonlyMap<string, OutboundTarget>;
}
