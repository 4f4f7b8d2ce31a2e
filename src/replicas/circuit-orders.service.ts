import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import type { OperatorOrder } from './order-rows.js';

type Circuit = NonNullable<ReturnType<CircuitBreakers['get']>>;

/** What was ordered and what opened a circuit at this distance may have come in any order: clocks differ. */
const SAME_TIME_MS = 1_000;

/** Where earlier versions kept what was ordered. */
const FORMER_FILE = 'forced-circuits.json';

/**
 * Has the circuits of this process do what was ordered. Each order is done once; what is gone before its time was lifted,
 * also where nobody has seen how.
 */
@Injectable()
export class CircuitOrders implements OnApplicationBootstrap {
  private readonly logger = new Logger(CircuitOrders.name);
  private readonly startedAtMs: number;
  /** Orders to open that were done, by circuit. */
  private readonly forced = new Map<string, OperatorOrder>();
  /** Ids of resets that were done, or are not for us. */
  private done: ReadonlySet<string> = new Set();

  constructor(
    private readonly circuits: CircuitBreakers,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly config: ConfigService<Environment, true>,
  ) {
    this.startedAtMs = clock.monotonicMs();
  }

  onApplicationBootstrap(): void {
    const path = join(this.config.get('DATA_DIR', { infer: true }), FORMER_FILE);
    if (!existsSync(path)) return;
    this.logger.warn(
      { path },
      'circuits that an earlier version was ordered to keep open are closed: order it again, and remove the file',
    );
  }

  /** `orders` are all that hold, `nowMs` is the time of the database. */
  apply(orders: readonly OperatorOrder[], nowMs: number): void {
    const holding = new Map(
      orders.flatMap((order) => (order.kind === 'force-open' ? [ofTarget(order)] : [])),
    );
    const resets = orders.filter(({ kind }) => kind === 'reset');
    for (const order of resets) if (!this.done.has(order.orderId)) this.reset(order, holding, nowMs);
    this.done = new Set(resets.map(({ orderId }) => orderId));
    for (const [target, order] of this.forced) if (!holding.has(target)) this.end(target, order, nowMs);
    for (const order of holding.values()) this.force(order, nowMs);
  }

  private reset(
    { target, by, reason, orderedAtMs }: OperatorOrder,
    holding: ReadonlyMap<string, OperatorOrder>,
    nowMs: number,
  ): void {
    const circuit = this.circuits.get(target ?? '');
    const beganAtMs = nowMs - (this.clock.monotonicMs() - this.startedAtMs);
    // Who has begun since has nothing to be reset; and what was ordered since holds.
    if (!circuit || orderedAtMs < beganAtMs || this.isDone(holding.get(circuit.name))) return;
    if (this.openedAfter(circuit, nowMs - orderedAtMs)) return;
    this.forced.delete(circuit.name);
    circuit.reset({ by, ...(reason !== null && { reason }) });
  }

  /** Has it opened by itself less than `ageMs` ago? */
  private openedAfter(circuit: Circuit, ageMs: number): boolean {
    const { opened_at: openedAt, forced } = circuit.report();
    if (openedAt === null || forced) return false;
    return this.clock.wallMs() - Date.parse(openedAt) < ageMs - SAME_TIME_MS;
  }

  private force(order: OperatorOrder, nowMs: number): void {
    const { target, by, orderedAtMs, untilMs } = order;
    const circuit = this.circuits.get(target ?? '');
    if (!circuit || this.isDone(order)) return;
    this.forced.set(circuit.name, order);
    circuit.forceOpen({
      by,
      reason: order.reason ?? '',
      shownAs: { openedAtMs: orderedAtMs, retryAtMs: untilMs },
      ...(untilMs !== null && { ttlMs: untilMs - nowMs }),
    });
  }

  private isDone(order: OperatorOrder | undefined): boolean {
    return order !== undefined && this.forced.get(order.target ?? '')?.orderId === order.orderId;
  }

  /** An order is gone. Where its time is over, the circuit admits probes by itself. */
  private end(target: string, { untilMs }: OperatorOrder, nowMs: number): void {
    this.forced.delete(target);
    if (untilMs !== null && untilMs <= nowMs) return;
    const circuit = this.circuits.get(target);
    if (circuit?.forced) circuit.reset({ by: 'ingester', reason: 'the order was lifted' });
  }
}

function ofTarget(order: OperatorOrder): readonly [string, OperatorOrder] {
  return [order.target ?? '', order];
}
