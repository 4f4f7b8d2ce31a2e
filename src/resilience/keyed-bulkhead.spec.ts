import { describe, expect, it } from '@jest/globals';
import { KeyedBulkhead } from './keyed-bulkhead.js';

const SETTINGS = { maxCallsPerKey: 2, maxKeys: 3, callsAre: 'uploads', retryAfterMs: 5000 };

describe('KeyedBulkhead', () => {
  it('limits the calls of each key by itself', () => {
    const bulkhead = new KeyedBulkhead('callers', SETTINGS);
    const releases = [bulkhead.acquire('ann'), bulkhead.acquire('ann'), bulkhead.acquire('bob')];
    expect(() => bulkhead.acquire('ann')).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED', status: 429, options: { retryAfterMs: 5000 } }),
    );
    expect(bulkhead.stats).toEqual({ inflight: 3, keys: 2, rejected: 1 });
    releases[0]?.();
    releases.push(bulkhead.acquire('ann'));
    releases.forEach((release) => release());
    expect(bulkhead.stats).toEqual({ inflight: 0, keys: 0, rejected: 1 });
  });

  it('gives a place back once, however often it is released', () => {
    const bulkhead = new KeyedBulkhead('callers', SETTINGS);
    const release = bulkhead.acquire('ann');
    const other = bulkhead.acquire('ann');
    release();
    release();
    expect(bulkhead.stats).toMatchObject({ inflight: 1, keys: 1 });
    other();
  });

  it('turns a new key away when too many have calls in flight, but not one that it knows', () => {
    const bulkhead = new KeyedBulkhead('callers', SETTINGS);
    for (const key of ['a', 'b', 'c']) bulkhead.acquire(key);
    expect(() => bulkhead.acquire('d')).toThrow(expect.objectContaining({ code: 'BULKHEAD_FULL' }));
    expect(() => bulkhead.acquire('a')).not.toThrow();
    expect(bulkhead.stats).toEqual({ inflight: 4, keys: 3, rejected: 1 });
  });

  it('forgets keys with their last call', () => {
    const bulkhead = new KeyedBulkhead('callers', SETTINGS);
    for (let caller = 0; caller < 100_000; caller += 1) bulkhead.acquire(`caller-${caller}`)();
    expect(bulkhead.stats).toEqual({ inflight: 0, keys: 0, rejected: 0 });
  });
});
