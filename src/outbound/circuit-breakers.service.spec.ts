import { Logger } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '../../test/support/manual-clock.js';
import { CircuitBreakers } from './circuit-breakers.service.js';
import { CLOCK } from '../timing/clock.js';

describe('CircuitBreakers', () => {
  const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
  const log = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
  const error = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  let clock: ManualClock;
  let breakers: CircuitBreakers;

  beforeEach(async () => {
    clock = new ManualClock();
    const module = await Test.createTestingModule({
      providers: [CircuitBreakers, { provide: CLOCK, useValue: clock }],
    }).compile();
    breakers = module.get(CircuitBreakers);
    for (const mock of [warn, log, error]) mock.mockClear();
  });

  function forceOpen(...names: string[]): void {
    for (const name of names) breakers.get(name)?.forceOpen({ reason: 'test', by: 'alice', ttlMs: 60_000 });
  }

  describe('line 9: names are bounded', () => {
    it('knows what was registered, and makes nothing when it is asked for another name', () => {
      const breaker = breakers.register('se-01');
      expect(breakers.get('se-01')).toBe(breaker);
      for (const name of ['se-02', '__proto__', '']) expect(breakers.get(name)).toBeUndefined();
      expect(breakers.all()).toEqual([breaker]);
    });

    it.each(['', ' ', 'a b', '../x', 'a"b', 'x'.repeat(101)])('refuses the name %p', (name) => {
      expect(() => breakers.register(name)).toThrow('cannot be named');
    });

    it('refuses a name that is taken', () => {
      breakers.register('se-01');
      expect(() => breakers.register('se-01')).toThrow('There is a circuit named "se-01" already');
    });

    it('refuses more circuits than there can be dependencies', () => {
      for (let count = 0; count < 1_000; count += 1) breakers.register(`request-${count}`);
      expect(() => breakers.register('one-more')).toThrow('There are 1000 circuits already');
    });
  });

  it('gives a circuit the default settings where none are given', () => {
    const { settings } = breakers.register('tokens', { failureThreshold: 3 });
    expect(settings).toMatchObject({ failureThreshold: 3, successThreshold: 2, recoveryTimeoutMs: 30_000 });
    expect(() => breakers.register('bad', { failureThreshold: 0 })).toThrow(RangeError);
    expect(breakers.get('bad')).toBeUndefined();
  });

  it('is healthy without circuits', () => {
    expect(breakers.health()).toEqual({
      status: 'healthy',
      timestamp: '2026-11-20T10:00:00.000Z',
      total_circuits: 0,
      circuits_by_state: { closed: 0, open: 0, half_open: 0 },
      open_circuits: [],
    });
    expect(breakers.overview().summary.all_healthy).toBe(true);
  });

  it('is degraded when any circuit is open, and critical when more than half are', () => {
    for (const name of ['a', 'b', 'c', 'd']) breakers.register(name);
    expect(breakers.health().status).toBe('healthy');
    forceOpen('b');
    expect(breakers.health()).toMatchObject({ status: 'degraded', open_circuits: ['b'] });
    forceOpen('c');
    expect(breakers.health().status).toBe('degraded');
    forceOpen('d');
    expect(breakers.health()).toMatchObject({
      status: 'critical',
      total_circuits: 4,
      circuits_by_state: { closed: 1, open: 3, half_open: 0 },
      open_circuits: ['b', 'c', 'd'],
    });
    clock.pass(60_000);
    expect(breakers.health()).toMatchObject({ status: 'healthy', circuits_by_state: { half_open: 3 } });
  });

  it('shows everybody the states of all circuits with a summary, and no more', () => {
    breakers.register('a');
    breakers.register('b');
    forceOpen('b');
    expect(breakers.overview()).toEqual({
      status: 'degraded',
      timestamp: '2026-11-20T10:00:00.000Z',
      circuit_breakers: { a: { state: 'closed' }, b: { state: 'open' } },
      summary: {
        total_breakers: 2,
        open_circuits: 1,
        half_open_circuits: 0,
        closed_circuits: 1,
        all_healthy: false,
      },
    });
    expect(Object.keys(breakers.reports())).toEqual(['a', 'b']);
    expect(breakers.summary()[1]).toEqual({
      name: 'b',
      state: 'open',
      failure_count: 0,
      failure_threshold: 5,
      success_count: 0,
      success_threshold: 2,
      health_percentage: 0,
    });
  });

  it('logs transitions with name, states, cause and who did it', () => {
    breakers.register('se-01');
    forceOpen('se-01');
    expect(warn).toHaveBeenCalledWith(
      { circuit: 'se-01', from: 'closed', to: 'open', cause: 'forced', by: 'alice', reason: 'test' },
      'Circuit se-01 went from closed to open: forced',
    );
    breakers.get('se-01')?.reset({ by: 'bob' });
    expect(log).toHaveBeenCalledWith(
      expect.objectContaining({ from: 'open', to: 'closed', cause: 'reset', by: 'bob' }),
      expect.any(String),
    );
  });

  it('tells calls and transitions of all circuits, and logs a listener that throws', () => {
    const heard: string[] = [];
    breakers.onTransition(() => {
      throw new Error('metrics are broken');
    });
    breakers.onTransition(({ name, to }) => heard.push(`${name} ${to}`));
    breakers.onCall((name, outcome) => heard.push(`${name} ${outcome}`));
    const answer = breakers.register('a').tryAcquire();
    if (answer.admitted) answer.success();
    breakers.register('b');
    forceOpen('b');
    breakers.get('b')?.tryAcquire();
    expect(heard).toEqual(['a success', 'b open', 'b rejected']);
    expect(error).toHaveBeenCalledTimes(1);
  });

  it('keeps the last transitions, and no more than a hundred', () => {
    const breaker = breakers.register('a');
    for (let count = 0; count < 150; count += 1) breaker.reset({ by: `olga ${count}` });
    expect(breakers.transitions).toHaveLength(100);
    expect(breakers.transitions.at(-1)).toMatchObject({ name: 'a', cause: 'reset', by: 'olga 149' });
  });

  it('asks after a failure whether the target of that circuit fails elsewhere', () => {
    for (const name of ['a', 'b']) breakers.register(name);
    breakers.askElsewhere((name) => name === 'b');
    for (const name of ['a', 'b']) {
      const answer = breakers.get(name)?.tryAcquire();
      if (answer?.admitted) answer.failure();
    }
    expect([breakers.get('a')?.state, breakers.get('b')?.state]).toEqual(['closed', 'open']);
  });

  it('tells other replicas what calls are about at the moment', () => {
    const answer = breakers.register('a').tryAcquire();
    if (answer.admitted) answer.failure('STORAGE_FAILED');
    breakers.get('a')?.tryAcquire();
    expect(breakers.detailedReports()).toMatchObject({
      a: {
        state: 'closed',
        failure_count: 1,
        in_flight: 1,
        last_error: { code: 'STORAGE_FAILED', at: '2026-11-20T10:00:00.000Z' },
      },
    });
  });
});
