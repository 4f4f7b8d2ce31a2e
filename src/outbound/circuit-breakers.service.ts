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
  detailedReport,
  type DetailedCircuitReport,
} from './circuit-reports.js';
import { type CircuitSettings, DEFAULT_CIRCUIT_SETTINGS } from './circuit/circuit-settings.js';
import type { CircuitTransition } from './circuit/circuit-state.js';
import { CLOCK, type Clock } from '../timing/clock.js';

/** Names label metrics and stand in URLs. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/;

/** Far more than there are dependencies: reached only by code that makes a circuit per request. */
const MOST_CIRCUITS = 1_000;

/** Of all circuits together, so that an operator sees what happened. */
const TRANSITIONS_KEPT = 100;

/**
 * The circuits of this process, by name: one for each storage element and each other dependency, made at start-up.
 * Asking for a name never makes one.
 */
@Injectable()
export class CircuitBreakers {
  private readonly logger = new Logger(CircuitBreakers.name);
  private readonly breakers = new Map<string, CircuitBreaker>();
  private readonly recent: CircuitTransition[] = [];
  private failsElsewhere: (name: string) => boolean = () => false;
  private readonly listeners = new CircuitListeners((error) =>
    this.logger.error({ err: error }, 'A listener of circuits failed'),
  );

  constructor(@Inject(CLOCK) private readonly clock: Clock) {
    this.onTransition((transition) => {
      this.log(transition);
      this.recent.push(transition);
      if (this.recent.length > TRANSITIONS_KEPT) this.recent.shift();
    });
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
      failsElsewhere: () => this.failsElsewhere(name),
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

  /** By name, with what calls are about at the moment. */
  detailedReports(): Record<string, DetailedCircuitReport> {
    return Object.fromEntries(this.all().map((breaker) => [breaker.name, detailedReport(breaker)]));
  }

  /** The last transitions of all circuits, the newest last. */
  get transitions(): readonly CircuitTransition[] {
    return this.recent;
  }

  /** Has `hint` asked, after a failure of a circuit that is closed, whether its target fails elsewhere as well. */
  askElsewhere(hint: (name: string) => boolean): void {
    this.failsElsewhere = hint;
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
