import 'reflect-metadata';
import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OutboundRoom } from '../../../test/support/outbound-room.js';
import { ServiceError } from '../../errors/service-error.js';
import type { CircuitBreaker } from '../circuit/circuit-breaker.js';
import { CircuitBreakers } from '../circuit-breakers.service.js';
import type { OutboundCall } from '../outbound-call.js';
import { OutboundPolicies } from '../outbound-policies.service.js';
import { Outbound } from '../outbound.decorator.js';

const never = new AbortController().signal;
const RETRY = {
  attempts: 4,
  backoff: { growth: 'constant', jitter: 'none', baseMs: 1, maxMs: 1 },
} as const;
const BULKHEAD = { maxCalls: 9, maxBytes: 9, unknownBytes: 0, maxQueued: 0, maxWaitMs: 9, retryAfterMs: 9 };
const NAMES = ['one', 'two', 'three'] as const;

@Injectable()
class Caller {
  readonly called: (string | undefined)[] = [];
  answer: () => Promise<string> = () => Promise.resolve('yes');

  constructor(policies: OutboundPolicies) {
    policies.register({
      name: 'orders',
      targetNames: NAMES,
      ownCodes: ['STORAGE_FAILED'],
      unavailable: { code: 'NO_STORAGE_AVAILABLE', detail: 'Nobody is there.' },
      retry: RETRY,
      totalTime: { baseMs: 10_000, minBytesPerSecond: 1, maxMs: 10_000 },
      circuit: {},
      bulkhead: BULKHEAD,
      targetBulkhead: { ...BULKHEAD, maxCalls: 1, maxQueued: 1, maxWaitMs: 5_000 },
    });
    policies.registerProbes('orders', 'questions', RETRY, BULKHEAD);
  }

  @Outbound('orders')
  order(call: OutboundCall): Promise<string> {
    this.called.push(call.target);
    return this.answer();
  }

  @Outbound('questions')
  ask(_call: OutboundCall): Promise<string> {
    return Promise.resolve('yes');
  }
}

describe('a call that is kept from a target by its circuit', () => {
  let app: TestingModule;
  let caller: Caller;
  let circuits: Record<(typeof NAMES)[number], CircuitBreaker>;
  const call = (...targets: string[]): OutboundCall => ({ targets, signal: never });
  const rejected = (): number[] => NAMES.map((name) => circuits[name].totals.rejected);

  beforeEach(async () => {
    app = await Test.createTestingModule({ imports: [OutboundRoom], providers: [Caller] }).compile();
    await app.init();
    caller = app.get(Caller);
    const registry = app.get(CircuitBreakers);
    const named = (name: string): CircuitBreaker => {
      const found = registry.get(name);
      if (!found) throw new Error('there is no circuit');
      return found;
    };
    circuits = { one: named('one'), two: named('two'), three: named('three') };
  });

  afterEach(() => app.close());

  function shut(...names: (typeof NAMES)[number][]): void {
    for (const name of names) circuits[name].forceOpen({ reason: 'test', by: 'test' });
  }

  /** So many attempts fail. */
  function failFirst(count: number): void {
    caller.answer = () =>
      caller.called.length <= count
        ? Promise.reject(new ServiceError('STORAGE_FAILED', 'Failed.'))
        : Promise.resolve('yes');
  }

  it('is counted there, and not where it would not have gone', async () => {
    shut('one', 'three');
    await caller.order(call(...NAMES));
    expect(caller.called).toEqual(['two']);
    expect(rejected()).toEqual([1, 0, 0]);
  });

  it('is counted at all of them where none may be called', async () => {
    shut('one', 'two');
    await expect(caller.order(call('one', 'two'))).rejects.toMatchObject({ code: 'NO_STORAGE_AVAILABLE' });
    expect(rejected()).toEqual([1, 1, 0]);
  });

  it('is counted once, however many attempts it makes', async () => {
    shut('one');
    failFirst(3);
    await caller.order(call(...NAMES));
    expect(caller.called).toEqual(['two', 'three', 'two', 'two']);
    expect(rejected()).toEqual([1, 0, 0]);
  });

  it('is counted once where the circuit opens while it waits for a place there', async () => {
    let release = (_answer: string): void => undefined;
    caller.answer = () => new Promise((resolve) => (release = resolve));
    const first = caller.order(call('one'));
    const waiting = caller.order(call('one'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(caller.called).toEqual(['one']);
    shut('one');
    release('yes');
    expect(await first).toBe('yes');
    await expect(waiting).rejects.toMatchObject({ code: 'NO_STORAGE_AVAILABLE' });
    expect(rejected()).toEqual([1, 0, 0]);
  });

  it('is not counted where the target asked for rest, or was called by it', async () => {
    const cooling = app.get(OutboundPolicies).require('orders').targets.get('one')?.cooling;
    cooling?.failed({ verdict: 'neutral', retry: 'again', busy: true, retryAfterMs: 60_000 });
    await caller.order(call('one', 'two'));
    caller.answer = () => {
      shut('two');
      return Promise.reject(new ServiceError('STORAGE_FAILED', 'Failed.'));
    };
    await expect(caller.order(call('two'))).rejects.toThrow(ServiceError);
    expect(rejected()).toEqual([0, 0, 0]);
  });

  it('is not counted where it is a question', async () => {
    shut('one');
    await caller.ask(call('one', 'two'));
    await expect(caller.ask(call('one'))).rejects.toMatchObject({ code: 'NO_STORAGE_AVAILABLE' });
    expect(rejected()).toEqual([0, 0, 0]);
  });
});
