import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Metrics } from '../../observability/metrics.service.js';
import { DEFAULT_BACKOFF } from '../backoff.js';
import type { BulkheadSettings } from '../bulkhead.js';
import { CircuitBreakers } from '../circuit-breakers.service.js';
import { systemClock } from '../../timing/clock.js';
import type { OutboundCall } from '../outbound-call.js';
import { OutboundPolicies } from '../outbound-policies.service.js';
import type { OutboundPolicy } from '../outbound-policy.js';
import { takePlace, type TargetPlace } from './target-places.js';

const NAMES = ['one', 'two'];
const TARGET: BulkheadSettings = {
  maxCalls: 1,
  maxBytes: 100,
  unknownBytes: 100,
  maxQueued: 2,
  maxWaitMs: 1_000,
  retryAfterMs: 5_000,
};

describe('takePlace', () => {
  let policies: OutboundPolicies;
  let policy: OutboundPolicy;

  beforeEach(() => {
    jest.useFakeTimers();
    policies = new OutboundPolicies(new CircuitBreakers(systemClock), systemClock, new Metrics());
    policies.register({
      name: 'test',
      targetNames: NAMES,
      ownCodes: [],
      unavailable: { code: 'NO_STORAGE_AVAILABLE', detail: 'Nobody is there.' },
      retry: { attempts: 3, backoff: DEFAULT_BACKOFF },
      totalTime: { baseMs: 10_000, minBytesPerSecond: 1, maxMs: 10_000 },
      circuit: {},
      bulkhead: { ...TARGET, maxCalls: 100 },
      targetBulkhead: TARGET,
    });
    policy = policies.require('test');
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  function take(names = NAMES, call: Partial<OutboundCall> = {}): Promise<TargetPlace> {
    return takePlace(names, { targets: names, signal: new AbortController().signal, ...call }, policy);
  }

  const stats = (name: string) => policy.targets.get(name)?.bulkhead?.stats;

  it('takes the first with room, for calls that come together as well', async () => {
    const places = await Promise.all([take(), take()]);
    expect(places.map(({ target }) => target)).toEqual(['one', 'two']);
    for (const { release } of places) release();
    expect(NAMES.map(stats)).toMatchObject([{ inflight: 0 }, { inflight: 0 }]);
  });

  it('passes over one whose bytes are taken', async () => {
    const settings = { ...TARGET, maxCalls: 10 };
    const { name: _, targets: __, bulkhead: ___, ...shared } = policy;
    policies.register({
      ...shared,
      name: 'bytes',
      targetNames: ['three', 'four'],
      circuit: {},
      bulkhead: settings,
      targetBulkhead: settings,
    });
    policy = policies.require('bytes');
    const bytes = [60, 60, 40].map(async (size) => (await take(['three', 'four'], { bytes: size })).target);
    expect(await Promise.all(bytes)).toEqual(['three', 'four', 'three']);
  });

  it('waits where the queue is shortest when all are full, in turn', async () => {
    const held = [await take(), await take()];
    const waiting = [take(), take()];
    expect(NAMES.map(stats)).toMatchObject([{ queued: 1 }, { queued: 1 }]);
    for (const { release } of held) release();
    expect((await Promise.all(waiting)).map(({ target }) => target)).toEqual(['one', 'two']);
  });

  it('takes what another has left, when its own wait was in vain', async () => {
    await take();
    const second = await take();
    const waiting = take();
    second.release();
    await jest.advanceTimersByTimeAsync(1_000);
    expect((await waiting).target).toBe('two');
    expect(stats('one')).toMatchObject({ queued: 0, rejected: 1 });
  });

  it('gives up when the wait is too long, or the queue', async () => {
    await take();
    await take();
    const outcomes = [take(), take(), take(), take(), take()].map((place) =>
      place.catch((error: unknown) => error),
    );
    expect(await outcomes[4]).toMatchObject({ code: 'BULKHEAD_FULL', options: { retryAfterMs: 5_000 } });
    await jest.advanceTimersByTimeAsync(1_000);
    for (const outcome of await Promise.all(outcomes))
      expect(outcome).toMatchObject({ code: 'BULKHEAD_FULL' });
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each(['signal', 'abandoned'] as const)('leaves the queue at once when its %s aborts', async (which) => {
    await take();
    await take();
    const leaving = new AbortController();
    const reason = new Error('gone');
    const waiting = take(NAMES, { [which]: leaving.signal });
    leaving.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(NAMES.map(stats)).toMatchObject([{ queued: 0 }, { queued: 0 }]);
    await expect(take(NAMES, { [which]: leaving.signal })).rejects.toBe(reason);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('has room for all at targets without a limit, as for calls that only ask', async () => {
    policies.registerProbes('test', 'questions', policy.retry, TARGET);
    policy = policies.require('questions');
    const places = await Promise.all([take(), take(), take()]);
    expect(places.map(({ target }) => target)).toEqual(['one', 'one', 'one']);
  });
});
