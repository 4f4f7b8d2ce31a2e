import 'reflect-metadata';
import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { OutboundRoom } from '../../../test/support/outbound-room.js';
import { ServiceError } from '../../errors/service-error.js';
import { CLOCK } from '../../timing/clock.js';
import { DEFAULT_BACKOFF } from '../backoff.js';
import type { CircuitBreaker } from '../circuit/circuit-breaker.js';
import { CircuitBreakers } from '../circuit-breakers.service.js';
import type { OutboundCall } from '../outbound-call.js';
import { OutboundPolicies } from '../outbound-policies.service.js';
import { Outbound } from '../outbound.decorator.js';
import { TargetFailure } from '../target-failure.js';

const never = new AbortController().signal;
const RETRY = { attempts: 1, backoff: DEFAULT_BACKOFF };
const BULKHEAD = { maxCalls: 9, maxBytes: 9, unknownBytes: 0, maxQueued: 0, maxWaitMs: 9, retryAfterMs: 9 };

@Injectable()
class Caller {
  answer: () => Promise<string> = () => Promise.resolve('yes');
  asked = 0;

  constructor(policies: OutboundPolicies) {
    policies.register({
      name: 'orders',
      targetNames: ['one'],
      ownCodes: ['STORAGE_FAILED'],
      unavailable: { code: 'NO_STORAGE_AVAILABLE', detail: 'Nobody is there.' },
      retry: RETRY,
      totalTime: { baseMs: 10_000, minBytesPerSecond: 1, maxMs: 10_000 },
      circuit: { failureThreshold: 1, recoveryTimeoutMs: 2_000, maxRecoveryTimeoutMs: 2_000 },
      bulkhead: BULKHEAD,
    });
    policies.registerProbes('orders', 'questions', RETRY, BULKHEAD);
  }

  @Outbound('orders')
  order(_call: OutboundCall): Promise<string> {
    return this.answer();
  }

  @Outbound('questions')
  ask(_call: OutboundCall): Promise<string> {
    this.asked += 1;
    return this.answer();
  }
}

describe('a target that is asked beside its calls, as when it is to be left alone', () => {
  let app: TestingModule;
  let caller: Caller;
  let clock: ManualClock;
  let circuit: CircuitBreaker;
  const one = (): OutboundCall => ({ targets: ['one'], signal: never });
  const answers = (statusCode: number, retryAfterMs?: number) => () => {
    const cause = new TargetFailure('an answer', { statusCode, retryAfterMs });
    return Promise.reject(new ServiceError('STORAGE_FAILED', 'Failed.', { cause }));
  };

  beforeEach(async () => {
    clock = new ManualClock();
    app = await Test.createTestingModule({ imports: [OutboundRoom], providers: [Caller] })
      .overrideProvider(CLOCK)
      .useValue(clock)
      .compile();
    await app.init();
    caller = app.get(Caller);
    const found = app.get(CircuitBreakers).get('one');
    if (!found) throw new Error('there is no circuit');
    circuit = found;
  });

  afterEach(() => app.close());

  async function shut(): Promise<void> {
    caller.answer = answers(503);
    await expect(caller.order(one())).rejects.toThrow('Failed.');
    caller.answer = () => Promise.resolve('yes');
    expect(circuit.state).toBe('open');
  }

  it('is asked all the same, which counts for nothing', async () => {
    await shut();
    const before = circuit.report();
    expect(await caller.ask(one())).toBe('yes');
    await expect(caller.order(one())).rejects.toMatchObject({ code: 'NO_STORAGE_AVAILABLE' });
    expect(circuit.report()).toEqual({ ...before, rejected_count: 1 });
  });

  it('is asked once where it does not answer, and again when it may be called', async () => {
    await shut();
    caller.answer = answers(503);
    await expect(caller.ask(one())).rejects.toThrow('Failed.');
    await expect(caller.ask(one())).rejects.toMatchObject({ code: 'NO_STORAGE_AVAILABLE' });
    expect([caller.asked, circuit.totals.failure]).toEqual([1, 1]);
    clock.pass(2_300);
    caller.answer = () => Promise.resolve('yes');
    expect(await caller.ask(one())).toBe('yes');
    expect(circuit.totals).toMatchObject({ success: 0, neutral: 0, failure: 1 });
  });

  it('is asked by all who come when it is tried again', async () => {
    caller.answer = answers(503);
    await expect(caller.ask(one())).rejects.toThrow('Failed.');
    clock.pass(2_300);
    const { promise, resolve } = Promise.withResolvers<string>();
    caller.answer = () => promise;
    const asked = Promise.all(Array.from({ length: 5 }, () => caller.ask(one())));
    resolve('yes');
    expect(await asked).toEqual(Array.from({ length: 5 }, () => 'yes'));
  });

  it('is called neither well for the questions that it answers on trial, nor ill for one that it does not', async () => {
    await shut();
    clock.pass(2_300);
    for (let count = 0; count < 3; count += 1) expect(await caller.ask(one())).toBe('yes');
    expect(circuit.report()).toMatchObject({ state: 'half_open', success_count: 0 });
    caller.answer = answers(503);
    await expect(caller.ask(one())).rejects.toThrow('Failed.');
    expect(circuit.report()).toMatchObject({ state: 'half_open', success_count: 0 });
    expect(circuit.totals).toMatchObject({ success: 0, neutral: 0, failure: 1 });
  });

  it('asks for rest in vain a second time, whatever it answered between', async () => {
    caller.answer = answers(503, 1_500);
    await expect(caller.order(one())).rejects.toThrow('Nobody is there.');
    clock.pass(1_600);
    caller.answer = () => Promise.resolve('yes');
    expect(await caller.ask(one())).toBe('yes');
    expect(circuit.state).toBe('closed');
    caller.answer = answers(503, 1_500);
    await expect(caller.order(one())).rejects.toThrow('Nobody is there.');
    expect(circuit.state).toBe('open');
  });

  it('gets no more tries for the questions that it answers', async () => {
    const budget = app.get(OutboundPolicies).require('orders').targets.get('one')?.budget;
    budget?.pay({ verdict: 'failure', retry: 'again' });
    for (let count = 0; count < 20; count += 1) await caller.ask(one());
    expect(budget?.tokens).toBe(9);
    await caller.order(one());
    expect(budget?.tokens).toBeCloseTo(9.1);
  });

  it('is asked again where it answers that it will not tell', async () => {
    await shut();
    caller.answer = answers(410);
    await expect(caller.ask(one())).rejects.toThrow('Failed.');
    await expect(caller.ask(one())).rejects.toThrow('Failed.');
  });

  it('is called and asked again at once when an operator resets its circuit', async () => {
    caller.answer = answers(503, 200_000);
    await expect(caller.order(one())).rejects.toThrow('Nobody is there.');
    expect(Date.parse(circuit.report().cooling_until ?? '') - clock.wallMs()).toBeGreaterThan(190_000);
    caller.answer = answers(500);
    await expect(caller.ask(one())).rejects.toThrow('Failed.');
    await expect(caller.ask(one())).rejects.toMatchObject({ code: 'NO_STORAGE_AVAILABLE' });
    circuit.reset({ by: 'test' });
    caller.answer = () => Promise.resolve('yes');
    expect(await caller.ask(one())).toBe('yes');
    expect(await caller.order(one())).toBe('yes');
    expect(circuit.report().cooling_until).toBeNull();
  });

  it.each([
    ['asks for rest', 429, 200_000],
    ['says that it is busy', 503, 200_000],
    ['fails', 500, undefined],
  ])('is called all the same where it %s when it is asked', async (_, statusCode, retryAfterMs) => {
    const before = circuit.report();
    caller.answer = answers(statusCode, retryAfterMs);
    await expect(caller.ask(one())).rejects.toThrow(ServiceError);
    await expect(caller.ask(one())).rejects.toMatchObject({ code: 'NO_STORAGE_AVAILABLE' });
    expect(caller.asked).toBe(1);
    expect(circuit.report()).toEqual(before);
    caller.answer = () => Promise.resolve('yes');
    expect(await caller.order(one())).toBe('yes');
  });

  it('is not asked where it was shut by hand', async () => {
    circuit.forceOpen({ reason: 'test', by: 'test' });
    await expect(caller.ask(one())).rejects.toMatchObject({ code: 'NO_STORAGE_AVAILABLE' });
    expect(caller.asked).toBe(0);
  });

  it('is asked while it rests, and is no less busy for that', async () => {
    caller.answer = answers(503, 1_500);
    await expect(caller.order(one())).rejects.toThrow('Nobody is there.');
    caller.answer = () => Promise.resolve('yes');
    await expect(caller.order(one())).rejects.toMatchObject({ code: 'NO_STORAGE_AVAILABLE' });
    expect(await caller.ask(one())).toBe('yes');
    clock.pass(1_600);
    caller.answer = answers(503, 1_500);
    await expect(caller.order(one())).rejects.toThrow('Nobody is there.');
    expect(circuit.state).toBe('open');
  });
});
