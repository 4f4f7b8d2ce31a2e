import { Inject, Injectable } from '@nestjs/common';
import { Metrics } from '../observability/metrics.service.js';
import type { BulkheadReading } from '../observability/outbound-metrics.js';
import { Bulkhead, type BulkheadSettings } from './bulkhead.js';
import { CircuitBreaker } from './circuit/circuit-breaker.js';
import { CircuitBreakers } from './circuit-breakers.service.js';
import { CircuitListeners } from './circuit/circuit-listeners.js';
import type { CircuitSettings } from './circuit/circuit-settings.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import type { OutboundPolicy, OutboundTarget } from './outbound-policy.js';
import { RetryAfterCooling } from './retry/retry-after-cooling.js';
import { RetryBudget } from './retry/retry-budget.js';
import type { RetrySettings } from './retry/retry-plan.js';

/** What a room says of a dependency of its own; targets are known at start-up, never made by a call. */
export interface OutboundPolicySettings extends Pick<
  OutboundPolicy,
  'name' | 'retry' | 'totalTime' | 'ownCodes' | 'unavailable'
> {
  readonly targetNames: readonly string[];
  readonly circuit: Partial<CircuitSettings>;
  readonly bulkhead: BulkheadSettings;
  /** Of each target, within that of all. Absent: a target has no limit of its own. */
  readonly targetBulkhead?: BulkheadSettings;
}

/** The policies of this process, by the name that `@Outbound` gives. */
@Injectable()
export class OutboundPolicies {
  private readonly policies = new Map<string, OutboundPolicy>();

  constructor(
    private readonly circuits: CircuitBreakers,
    @Inject(CLOCK) private readonly clock: Clock,
    metrics: Metrics,
  ) {
    metrics.outbound.watchBulkheads(() => this.readings());
    circuits.onTransition(({ name, cause, by = '' }) => {
      if (cause === 'reset') this.wake(name, by);
    });
  }

  /** @throws Error when there is a policy or a circuit of a name already. */
  register(registered: OutboundPolicySettings): void {
    const { targetNames, circuit, bulkhead, targetBulkhead, ...settings } = registered;
    if (this.policies.has(settings.name))
      throw new Error(`There is a policy named "${settings.name}" already`);
    const targets = new Map(targetNames.map((name) => [name, this.newTarget(name, circuit, targetBulkhead)]));
    this.policies.set(settings.name, {
      ...settings,
      targets,
      bulkhead: new Bulkhead(settings.name, bulkhead),
    });
  }

  /**
   * Registers `name` for probes of the targets of `base`. How those answer says nothing of the calls of `base`, nor the
   * other way round: both share no circuit, rest, budget or bulkhead. Only the word of an operator is for both.
   * @throws Error when there is a policy of that name already.
   */
  registerProbes(base: string, name: string, retry: RetrySettings, bulkhead: BulkheadSettings): void {
    if (this.policies.has(name)) throw new Error(`There is a policy named "${name}" already`);
    const { targets, ...shared } = this.require(base);
    this.policies.set(name, {
      ...shared,
      name,
      retry,
      targets: new Map([...targets].map(([target, { circuit }]) => [target, this.askedTarget(circuit)])),
      bulkhead: new Bulkhead(name, bulkhead),
    });
  }

  /** @throws Error for a name that no room has registered. */
  require(name: string): OutboundPolicy {
    const policy = this.policies.get(name);
    if (!policy) throw new Error(`There is no outbound policy named "${name}"`);
    return policy;
  }

  /** Who resets a circuit wants its target to be called: what it asked for before is forgotten too. */
  private wake(targetName: string, by: string): void {
    for (const { targets } of this.policies.values()) {
      const target = targets.get(targetName);
      target?.cooling.end();
      if (target?.shownCircuit) target.circuit.reset({ by });
    }
  }

  private *readings(): Generator<BulkheadReading> {
    for (const { bulkhead, targets } of this.policies.values()) {
      yield readingOf(bulkhead);
      for (const target of targets.values()) if (target.bulkhead) yield readingOf(target.bulkhead);
    }
  }

  private newTarget(
    name: string,
    circuit: Partial<CircuitSettings>,
    bulkhead: BulkheadSettings | undefined,
  ): OutboundTarget {
    const cooling = new RetryAfterCooling(this.clock);
    return {
      circuit: this.circuits.register(name, circuit, cooling),
      budget: new RetryBudget(),
      cooling,
      bulkhead: bulkhead && new Bulkhead(name, bulkhead),
    };
  }

  /**
   * Its circuit is shown nowhere: an operator who saw two of one target could open one and miss the other. It is tried again
   * soon however often it opened, since the target may take files again long before that; and then by all who ask, since
   * who gets no answer may store a file a second time.
   */
  private askedTarget(shownCircuit: CircuitBreaker): OutboundTarget {
    const { name, settings } = shownCircuit;
    const circuit = new CircuitBreaker(name, {
      settings: { ...settings, maxRecoveryTimeoutMs: settings.recoveryTimeoutMs },
      clock: this.clock,
      listeners: new CircuitListeners(() => undefined),
      probesAll: true,
    });
    const cooling = new RetryAfterCooling(this.clock);
    return { circuit, budget: new RetryBudget(), cooling, shownCircuit };
  }
}

function readingOf({ name, stats }: Bulkhead): BulkheadReading {
  return { name, ...stats };
}
