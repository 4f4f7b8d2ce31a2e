import { beforeEach, describe, expect, it } from '@jest/globals';
import { Bulkhead } from './bulkhead.js';
import { KeyedBulkhead } from './keyed-bulkhead.js';

const SETTINGS = { maxCallsPerKey: 2, maxKeys: 3, callsAre: 'uploads', retryAfterMs: 5000 };

describe('KeyedBulkhead', () => {
  it('limits the calls of each key by itself', () => {
    const bulkhead = new KeyedBulkhead('callers', SETTINGS);
    const places = [bulkhead.acquire('ann'), bulkhead.acquire('ann'), bulkhead.acquire('bob')];
    expect(() => bulkhead.acquire('ann')).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED', status: 429, options: { retryAfterMs: 5000 } }),
    );
    expect(bulkhead.stats).toEqual({ inflight: 3, keys: 2, rejected: 1 });
    places[0]?.release();
    places.push(bulkhead.acquire('ann'));
    for (const { release } of places) release();
    expect(bulkhead.stats).toEqual({ inflight: 0, keys: 0, rejected: 1 });
  });

  it('gives a place back once, however often it is released', () => {
    const bulkhead = new KeyedBulkhead('callers', SETTINGS);
    const { release } = bulkhead.acquire('ann');
    const other = bulkhead.acquire('ann');
    release();
    release();
    expect(bulkhead.stats).toMatchObject({ inflight: 1, keys: 1 });
    other.release();
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
    for (let caller = 0; caller < 100_000; caller += 1) bulkhead.acquire(`caller-${caller}`).release();
    expect(bulkhead.stats).toEqual({ inflight: 0, keys: 0, rejected: 0 });
  });

  describe('where all share what is limited', () => {
    const MANY = { maxCallsPerKey: 1_000, maxKeys: 1_000, callsAre: 'uploads', retryAfterMs: 5000 };
    let shared: Bulkhead;
    let bulkhead: KeyedBulkhead;

    beforeEach(() => {
      const limits = { maxCalls: 1_000, maxBytes: 1_000_000, unknownBytes: 500_000 };
      shared = new Bulkhead('uploads', { ...limits, maxQueued: 0, maxWaitMs: 1, retryAfterMs: 1 });
      bulkhead = new KeyedBulkhead('callers', { ...MANY, free: () => shared.free });
    });

    /** Takes one place of each caller in turn until none of them gets another one. */
    function fill(keys: string[], bytes: number): Record<string, number> {
      const taken = Object.fromEntries(keys.map((key) => [key, 0]));
      for (let left = keys; left.length > 0;) left = left.filter((key) => enters(key, bytes, taken));
      return taken;
    }

    function enters(key: string, bytes: number, taken: Record<string, number>): boolean {
      try {
        bulkhead.acquire(key, bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'RATE_LIMITED', status: 429, options: { retryAfterMs: 5000 } });
        return false;
      }
      expect(shared.tryAcquire({ bytes: bytes })).toBeDefined();
      taken[key] = (taken[key] ?? 0) + 1;
      return true;
    }

    it.each([
      [1, 500],
      [2, 333],
      [3, 250],
      [9, 100],
    ])('gives each of %d keys %d of 1000 calls, and leaves as many', (keys, calls) => {
      const names = Array.from({ length: keys }, (_, index) => `key-${index}`);
      expect(new Set(Object.values(fill(names, 1)))).toEqual(new Set([calls]));
      expect(shared.free.calls).toBeGreaterThanOrEqual(calls);
    });

    it.each([
      [1, 50],
      [2, 33],
      [3, 25],
    ])('gives each of %d keys %d %% of the bytes', (keys, percent) => {
      const names = Array.from({ length: keys }, (_, index) => `key-${index}`);
      expect(new Set(Object.values(fill(names, 10_000)))).toEqual(new Set([percent]));
    });

    it('lets one that has nothing try, whatever is left', () => {
      shared.tryAcquire({ bytes: 500_000 });
      shared.tryAcquire({ bytes: 500_000 });
      expect(shared.free.bytes).toBe(0);
      bulkhead.acquire('ann', 10);
      expect(() => bulkhead.acquire('ann', 10)).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
      bulkhead.acquire('bob', 10);
    });

    it('counts what a call has come to', () => {
      const place = bulkhead.acquire('ann', 10);
      const counted = shared.tryAcquire({ bytes: 10 });
      bulkhead.acquire('ann', 10).release();
      place.grow(600_000);
      counted?.grow(600_000);
      expect(() => bulkhead.acquire('ann', 10)).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
      expect(() => bulkhead.acquire('bob', 10)).not.toThrow();
      place.release();
      expect(() => bulkhead.acquire('ann', 10)).not.toThrow();
    });
  });
});
