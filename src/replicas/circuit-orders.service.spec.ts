import { ConfigService } from '@nestjs/config';
import { Logger } from '@nestjs/common';
import { afterAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '../../test/support/manual-clock.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import { CircuitOrders } from './circuit-orders.service.js';
import type { OperatorOrder } from './order-rows.js';

/** The clock of the database is an hour ahead. */
const AHEAD_MS = 3_600_000;

describe('CircuitOrders', () => {
  const mocks = (['log', 'warn'] as const).map((level) =>
    jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined),
  );
  let clock: ManualClock;
  let circuits: CircuitBreakers;
  let orders: CircuitOrders;

  beforeEach(() => {
    clock = new ManualClock();
    circuits = new CircuitBreakers(clock);
    circuits.register('a', { failureThreshold: 1 });
    orders = new CircuitOrders(circuits, clock, new ConfigService());
    clock.pass(10_000);
  });
  afterAll(() => mocks.forEach((mock) => mock.mockRestore()));

  const nowMs = (): number => clock.wallMs() + AHEAD_MS;
  const order = (kind: OperatorOrder['kind'], members: Partial<OperatorOrder> = {}): OperatorOrder => ({
    orderId: `${kind} 1`,
    kind,
    target: 'a',
    replicaId: null,
    reason: 'x',
    by: 'olga',
    orderedAtMs: nowMs(),
    untilMs: null,
    ...members,
  });
  const apply = (...holding: OperatorOrder[]): void => orders.apply(holding, nowMs());
  const report = () => circuits.get('a')?.report();

  function fail(): void {
    const answer = circuits.get('a')?.tryAcquire();
    if (answer?.admitted) answer.failure();
  }

  it('opens a circuit once, and tells when that was by the clock of the database', () => {
    const open = order('force-open', { untilMs: nowMs() + 60_000 });
    clock.pass(1_000);
    apply(open);
    clock.pass(1_000);
    apply(open);
    expect(report()).toMatchObject({
      state: 'open',
      state_changes: 1,
      opened_at: new Date(open.orderedAtMs).toISOString(),
      forced: { reason: 'x', by: 'olga', until: new Date(open.untilMs ?? 0).toISOString() },
    });
    clock.pass(57_999);
    expect(report()?.state).toBe('open');
    clock.pass(1);
    expect(report()?.state).toBe('half_open');
  });

  it('closes a circuit whose order is gone before its time, though nobody has seen how it was lifted', () => {
    apply(order('force-open', { untilMs: nowMs() + 60_000 }));
    clock.pass(5_000);
    apply();
    expect(report()).toMatchObject({ state: 'closed', state_changes: 2 });
    expect(circuits.transitions.at(-1)).toMatchObject({ by: 'ingester', reason: 'the order was lifted' });
    apply();
    expect(report()?.state_changes).toBe(2);
  });

  it('leaves one alone whose time is over', () => {
    apply(order('force-open', { untilMs: nowMs() + 5_000 }));
    clock.pass(5_000);
    apply();
    expect(report()).toMatchObject({ state: 'half_open', state_changes: 2 });
  });

  it('takes a newer order for an earlier one', () => {
    apply(order('force-open'));
    apply(order('force-open', { orderId: 'force-open 2', reason: 'y' }));
    expect(report()).toMatchObject({ state: 'open', state_changes: 2, forced: { reason: 'y' } });
  });

  it('resets once, and then opens what was ordered since', () => {
    fail();
    clock.pass(2_000);
    const reset = order('reset');
    apply(reset);
    expect(report()).toMatchObject({ state: 'closed', state_changes: 2 });
    apply(reset);
    expect(report()?.state_changes).toBe(2);
    const open = order('force-open');
    for (let times = 0; times < 2; times += 1) apply(reset, open);
    expect(report()).toMatchObject({ state: 'open', state_changes: 3 });
  });

  it('opens a circuit again where both came while nobody could look', () => {
    apply(order('force-open', { orderId: 'earlier', reason: 'then' }));
    apply(order('reset'), order('force-open'));
    expect(report()).toMatchObject({ state: 'open', state_changes: 3, forced: { reason: 'x' } });
  });

  it('takes an order that it knows for newer than a reset that it comes to see later', () => {
    const reset = order('reset');
    clock.pass(10);
    const open = order('force-open');
    apply(open);
    apply(reset, open);
    expect(report()).toMatchObject({ state: 'open', state_changes: 1 });
  });

  it('resets nothing that has opened since, nor for an order from before its time', () => {
    const reset = order('reset');
    clock.pass(2_000);
    fail();
    apply(reset);
    expect(report()).toMatchObject({ state: 'open', state_changes: 1 });
    const late = new CircuitOrders(circuits, clock, new ConfigService());
    clock.pass(1_000);
    late.apply([order('reset', { orderedAtMs: nowMs() - 1_001 })], nowMs());
    expect(report()).toMatchObject({ state: 'open', state_changes: 1 });
    late.apply([order('reset', { orderId: 'reset 2', orderedAtMs: nowMs() - 999 })], nowMs());
    expect(report()).toMatchObject({ state: 'closed', state_changes: 2 });
  });

  it('makes no circuit of a name that it does not know', () => {
    apply(
      order('force-open', { target: 'b' }),
      order('reset', { target: 'c' }),
      order('drain', { target: null }),
    );
    apply();
    expect(circuits.all().map(({ name, state }) => [name, state])).toEqual([['a', 'closed']]);
  });
});
