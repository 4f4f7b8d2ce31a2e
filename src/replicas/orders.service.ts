import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { insertAudit } from '../database/audit-rows.js';
import { CommitUnknown } from '../database/commit-unknown.js';
import { Database } from '../database/database.service.js';
import { DATABASE_POLICY } from '../database/database-policy.js';
import type { Sql, TransactionSql } from '../database/sql.js';
import { ServiceError } from '../errors/service-error.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import { RegularWork } from '../timing/regular-work.js';
import { CircuitOrders } from './circuit-orders.service.js';
import {
  beOnlyOne,
  findOrders,
  insertOrder,
  livesReplica,
  type OperatorOrder,
  type OrderKind,
  removeEarlier,
  removeEnded,
  removeOrder,
} from './order-rows.js';
import { Replicas } from './replicas.service.js';

const EVERY_MS = 5_000;
/** Orders are waited for at the start, and where somebody looks, but not for long: nobody else needs the database for that. */
const WAIT_MS = 1_000;
/** By then every replica has seen that it is to reset a circuit. */
const RESET_MS = 600_000;

/** What an operator wants; `replicaId` is of a drain alone, and null there for all replicas. */
interface OrderWish {
  readonly kind: OrderKind;
  readonly target?: string | undefined;
  readonly replicaId?: string | undefined;
  readonly reason?: string | undefined;
  readonly by: string;
  readonly ttlMs?: number | undefined;
}

/** An order as it is told. Members are as on the wire. */
export interface OrderReport {
  readonly order_id: string;
  readonly kind: OrderKind;
  readonly target: string | null;
  readonly replica_id: string | null;
  readonly reason: string | null;
  readonly by: string;
  readonly ordered_at: string;
  readonly until: string | null;
}

/**
 * What operators have ordered of all replicas, or one: rows that each replica reads every five seconds. While the database is
 * away, nothing can be ordered, and what is known holds on.
 */
@Injectable()
export class Orders implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(Orders.name);
  private known: readonly OperatorOrder[] = [];
  /** What has to be added to the monotonic clock to have the time of the database, as of the last reading. */
  private aheadMs = 0;
  private reading: Promise<void> = Promise.resolve();
  private nextReading: Promise<void> | undefined;
  private regular: RegularWork | undefined;
  private failing = false;

  constructor(
    private readonly database: Database,
    private readonly replicas: Replicas,
    private readonly circuits: CircuitOrders,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.regular = new RegularWork(() => this.read(), EVERY_MS);
    await this.current();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.regular?.stop();
    await (this.nextReading ?? this.reading);
  }

  /** The orders that hold, as far as is known; one to drain a process that is forgotten holds for nobody. */
  get holding(): readonly OrderReport[] {
    const nowMs = this.clock.monotonicMs() + this.aheadMs;
    const { replicaId: ours, others } = this.replicas;
    const known = new Set([null, ours, ...others.map(({ seen }) => seen.replicaId)]);
    const holds = ({ kind, untilMs, replicaId }: OperatorOrder): boolean =>
      kind !== 'reset' && (untilMs ?? Infinity) > nowMs && known.has(replicaId);
    return this.known.filter(holds).map(reportOf);
  }

  /** The orders that hold, those of a moment ago as well; where the database does not answer, those that are known. */
  async current(): Promise<readonly OrderReport[]> {
    await Promise.race([this.read(), sleep(WAIT_MS, undefined, { ref: false })]);
    return this.holding;
  }

  /** Reads what was ordered, and does it here. Never fails; a database that was never used is not opened for it. */
  read(): Promise<void> {
    // What was ordered before this call is seen by a reading that begins after it.
    this.nextReading ??= this.reading.then(() => {
      this.nextReading = undefined;
      this.reading = this.readNow();
      return this.reading;
    });
    return this.nextReading;
  }

  /**
   * Orders something of all replicas; this one does it before this resolves, the others within seconds.
   * @throws NOT_FOUND, CONFLICT, QUEUE_UNAVAILABLE
   */
  async give(wish: OrderWish): Promise<OrderReport> {
    if (wish.kind === 'force-open' && wish.target === DATABASE_POLICY) throw keptThere();
    const order = await told(this.database.transaction((tx) => this.write(tx, wish)));
    this.log(order);
    await this.read();
    return reportOf(order);
  }

  /** Lifts an order that holds: a circuit that it has opened is reset. @throws NOT_FOUND, QUEUE_UNAVAILABLE */
  async lift(orderId: string, by: string, reason: string): Promise<void> {
    if (!this.database.isUsed()) throw noSuchOrder();
    const lifted = await told(
      this.database.transaction(async (tx) => {
        const order = await removeOrder(tx, orderId);
        if (!order) throw noSuchOrder();
        const data = { order_id: orderId, kind: order.kind };
        await insertAudit(tx, { who: by, action: 'lift', subject: subjectOf(order), reason, data });
        if (order.kind === 'force-open')
          await this.insert(tx, { kind: 'reset', ...targetOf(order), reason, by });
        return order;
      }),
    );
    const { kind, target, replicaId } = lifted;
    this.logger.warn(
      { order_id: orderId, kind, target, replica_id: replicaId, by, reason },
      `the order to ${kind} is lifted`,
    );
    await this.read();
  }

  private async write(tx: TransactionSql, wish: OrderWish): Promise<OperatorOrder> {
    const { kind, target, replicaId, reason, by } = wish;
    await beOnlyOne(tx);
    if (replicaId !== undefined && replicaId !== this.replicas.replicaId) await requireLiving(tx, replicaId);
    await removeEnded(tx);
    await removeEarlier(tx, { target: target ?? null, replicaId: replicaId ?? null });
    const order = await this.insert(tx, wish);
    const data = { order_id: order.orderId, until: timeOf(order.untilMs) };
    await insertAudit(tx, {
      who: by,
      action: kind,
      subject: subjectOf(order),
      data,
      ...(reason !== undefined && { reason }),
    });
    return order;
  }

  private insert(
    tx: TransactionSql,
    { kind, target, replicaId, reason, by, ttlMs }: OrderWish,
  ): Promise<OperatorOrder> {
    return insertOrder(tx, {
      orderId: randomUUID(),
      kind,
      target: target ?? null,
      replicaId: replicaId ?? null,
      reason: reason ?? null,
      by,
      ttlMs: kind === 'reset' ? RESET_MS : ttlMs,
    });
  }

  private log(order: OperatorOrder): void {
    const { order_id, kind, target, replica_id, by, reason, until } = reportOf(order);
    this.logger.warn(
      { order_id, kind, target, replica_id, by, reason, until },
      `an operator has ordered to ${kind}`,
    );
  }

  private async readNow(): Promise<void> {
    if (!this.database.isUsed()) return;
    const readAtMs = this.clock.monotonicMs();
    try {
      const { orders, nowMs } = await findOrders(this.database);
      this.known = orders;
      this.aheadMs = nowMs - readAtMs;
      this.circuits.apply(orders, nowMs);
      this.replicas.drain(this.drainUntil());
      this.failing = false;
    } catch (error) {
      if (!this.failing)
        this.logger.warn({ err: error }, 'orders of operators cannot be read; those that are known hold on');
      this.failing = true;
    }
  }

  /** Until when, on the monotonic clock, no new uploads are taken here; undefined where they are. */
  private drainUntil(): number | undefined {
    const ours = this.known.filter(
      ({ kind, replicaId }) =>
        kind === 'drain' && (replicaId ?? this.replicas.replicaId) === this.replicas.replicaId,
    );
    if (ours.length === 0) return undefined;
    return Math.max(...ours.map(({ untilMs }) => (untilMs === null ? Infinity : untilMs - this.aheadMs)));
  }
}

/** The word of an operator needs the database, and nothing else stands in for it. */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const isAway = error instanceof ServiceError && error.code === 'QUEUE_UNAVAILABLE';
    if (!isAway) throw error;
    const detail =
      error instanceof CommitUnknown
        ? 'It is not known whether the order was written down.'
        : 'The database does not answer, and nothing was ordered.';
    const { retryAfterMs } = error.options;
    throw new ServiceError('QUEUE_UNAVAILABLE', detail, {
      cause: error,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }
}

/** @throws NOT_FOUND; CONFLICT for one that does not live: nobody would do what is ordered */
async function requireLiving(sql: Sql, replicaId: string): Promise<void> {
  const lives = await livesReplica(sql, replicaId);
  if (lives === undefined) throw new ServiceError('NOT_FOUND', 'There is no replica with this id.');
  if (!lives) throw new ServiceError('CONFLICT', 'The replica was not seen for a while: it does nothing.');
}

function keptThere(): ServiceError {
  return new ServiceError(
    'CONFLICT',
    'Orders are kept in the database: while its circuit is open, nobody could read or lift one.',
  );
}

function noSuchOrder(): ServiceError {
  return new ServiceError('NOT_FOUND', 'No order with this id holds.');
}

function targetOf({ target }: OperatorOrder): { target?: string } {
  return target === null ? {} : { target };
}

function subjectOf({ target, replicaId }: OperatorOrder): string {
  return target ?? replicaId ?? 'all replicas';
}

/** A reset is done, and does not hold: that it is there for a while is nothing to tell. */
function reportOf(order: OperatorOrder): OrderReport {
  return {
    order_id: order.orderId,
    kind: order.kind,
    target: order.target,
    replica_id: order.replicaId,
    reason: order.reason,
    by: order.by,
    ordered_at: new Date(order.orderedAtMs).toISOString(),
    until: order.kind === 'reset' ? null : timeOf(order.untilMs),
  };
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
