import { Inject, Injectable, Logger } from '@nestjs/common';
import { CircuitBreaker } from './circuit/circuit-breaker.js';
import { type CallListener, CircuitListeners, type TransitionListener } from './circuit/circuit-listeners.js';
import {
  type CircuitReport,
  circuitsHealth,
  type CircuitsHealth,
  circuitsOverview,
  type CircuitsOverview,
  circuitsSummary,
  type Cooling,
} from './circuit-reports.js';
import { type CircuitSettings, DEFAULT_CIRCUIT_SETTINGS } from './circuit/circuit-settings.js';
import type { CircuitTransition, ForcedOrder } from './circuit/circuit-state.js';
import { CLOCK, type Clock } from '../timing/clock.js';

/** Names label metrics and stand in URLs. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/;

/** Far more than there are dependencies: reached only by code that makes a circuit per request. */
const MOST_CIRCUITS = 1_000;

/**
 * The circuits of this process, by name: one for each storage element and each other dependency, made at start-up.
 * Asking for a name never makes one.
 */
@Injectable()
export class CircuitBreakers {
  private readonly logger = new Logger(CircuitBreakers.name);
  private readonly breakers = new Map<string, CircuitBreaker>();
  private readonly listeners = new CircuitListeners((error) =>
    this.logger.error({ err: error }, 'A listener of circuits failed'),
  );

  constructor(@Inject(CLOCK) private readonly clock: Clock) {
    this.onTransition((transition) => this.log(transition));
  }

  /** @throws RangeError for settings that make no sense, Error for a name that is bad, taken or one too many. */
  register(name: string, settings: Partial<CircuitSettings> = {}, cooling?: Cooling): CircuitBreaker {
    if (!NAME.test(name)) throw new Error(`A circuit cannot be named "${name}"`);
    if (this.breakers.has(name)) throw new Error(`There is a circuit named "${name}" already`);
    if (this.breakers.size >= MOST_CIRCUITS) throw new Error(`There are ${MOST_CIRCUITS} circuits already`);
    const breaker = new CircuitBreaker(name, {
      settings: { ...DEFAULT_CIRCUIT_SETTINGS, ...settings },
      clock: this.clock,
      listeners: this.listeners,
      cooling,
    });
    this.breakers.set(name, breaker);
    return breaker;
  }

  get(name: string): CircuitBreaker | undefined {
    return this.breakers.get(name);
  }

  all(): CircuitBreaker[] {
    return [...this.breakers.values()];
  }

  /** By name. */
  reports(): Record<string, CircuitReport> {
    return Object.fromEntries(this.all().map((breaker) => [breaker.name, breaker.report()]));
  }

  health(): CircuitsHealth {
    return circuitsHealth(this.reports(), this.clock.wallMs());
  }

  overview(): CircuitsOverview {
    return circuitsOverview(this.reports(), this.clock.wallMs());
  }

  summary(): ReturnType<typeof circuitsSummary> {
    return circuitsSummary(this.reports());
  }

  /** By name: what of those that are open by hand is to outlive the process. */
  forced(): Record<string, ForcedOrder> {
    const orders = this.all().map(({ name, forced }) => [name, forced] as const);
    return Object.fromEntries(orders.flatMap(([name, forced]) => (forced ? [[name, forced]] : [])));
  }

  /** Opens circuits that are still there; a saved name that is unknown makes none. */
  restoreForced(orders: Readonly<Record<string, ForcedOrder>>): void {
    for (const [name, order] of Object.entries(orders)) this.breakers.get(name)?.restoreForced(order);
  }

  /** `listener` hears of every change of state of every circuit; what it throws is logged. */
  onTransition(listener: TransitionListener): void {
    this.listeners.onTransition(listener);
  }

  /** `listener` hears of every settled and every rejected call; what it throws is logged. */
  onCall(listener: CallListener): void {
    this.listeners.onCall(listener);
  }

  private log({ name, from, to, cause, by, reason }: CircuitTransition): void {
    const members = { circuit: name, from, to, cause, by, reason };
    const text = `Circuit ${name} went from ${from} to ${to}: ${cause}`;
    if (to === 'open') this.logger.warn(members, text);
    else this.logger.log(members, text);
  }
}
