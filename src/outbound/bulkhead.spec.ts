import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Bulkhead, type BulkheadSettings } from './bulkhead.js';
import { systemClock } from '../timing/clock.js';
import { DeadlineSignal } from './deadline/deadline-signal.js';
import { Deadline } from './deadline/deadline.js';
import type { Place } from './tally.js';

const never = new AbortController().signal;

const SETTINGS: BulkheadSettings = {
  maxCalls: 2,
  maxBytes: 100,
  unknownBytes: 80,
  maxQueued: 3,
  maxWaitMs: 1000,
  retryAfterMs: 5000,
};

describe('Bulkhead', () => {
  let bulkhead: Bulkhead;

  beforeEach(() => {
    jest.useFakeTimers();
    bulkhead = new Bulkhead('storage', SETTINGS);
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  /** Enters and notes when it is let in. */
  function enter(bytes: number | undefined, into: number[] = [], signal = never): Promise<() => void> {
    const entered = bulkhead.acquire({ bytes, signal }).then(({ release }) => release);
    entered.then(() => into.push(bytes ?? -1)).catch(() => undefined);
    return entered;
  }

  describe('lets calls in', () => {
    it('up to its number, and the next when one is over', async () => {
      const first = await enter(1);
      const second = await enter(1);
      const third = enter(1);
      expect(bulkhead.stats).toEqual({ inflight: 2, queued: 1, inflightBytes: 2, rejected: 0 });
      first();
      second();
      (await third)();
      expect(bulkhead.stats).toEqual({ inflight: 0, queued: 0, inflightBytes: 0, rejected: 0 });
    });

    it('up to its bytes', async () => {
      const first = await enter(61);
      const second = enter(40);
      await jest.advanceTimersByTimeAsync(1);
      expect(bulkhead.stats).toMatchObject({ inflight: 1, queued: 1, inflightBytes: 61 });
      first();
      (await second)();
    });

    it('with the default for one of unknown size', async () => {
      const release = await enter(undefined);
      expect(bulkhead.stats).toMatchObject({ inflightBytes: 80 });
      release();
      expect(bulkhead.stats).toMatchObject({ inflightBytes: 0 });
    });

    it('alone when one is larger than the whole limit, also one of unknown size', async () => {
      bulkhead = new Bulkhead('storage', { ...SETTINGS, unknownBytes: 1000 });
      const order: number[] = [];
      const large = await enter(undefined, order);
      const small = enter(1, order);
      const larger = enter(2000, order);
      await jest.advanceTimersByTimeAsync(1);
      expect(order).toEqual([-1]);
      large();
      const releaseSmall = await small;
      await jest.advanceTimersByTimeAsync(1);
      expect(order).toEqual([-1, 1]);
      releaseSmall();
      (await larger)();
      expect(order).toEqual([-1, 1, 2000]);
    });

    it('in the order in which they came, where there is room for both', async () => {
      const order: number[] = [];
      const first = await enter(70, order);
      const large = enter(50, order);
      const larger = enter(60, order);
      first();
      (await large)();
      (await larger)();
      expect(order).toEqual([70, 50, 60]);
    });

    it('past those for which there is no room, when they come and when a place comes free', async () => {
      const order: number[] = [];
      const first = await enter(70, order);
      const large = enter(50, order);
      const small = await enter(5, order);
      const next = enter(10, order);
      await jest.advanceTimersByTimeAsync(1);
      expect(bulkhead.stats).toMatchObject({ inflight: 2, queued: 2 });
      small();
      (await next)();
      first();
      (await large)();
      expect(order).toEqual([70, 5, 10, 50]);
    });

    it('by no more than the default before their bytes have come', async () => {
      const large = await bulkhead.acquire({ bytes: 1e12, signal: never });
      expect(bulkhead.free).toEqual({ calls: 1, bytes: 20 });
      large.grow(50);
      const small = await enter(20);
      expect(bulkhead.free).toEqual({ calls: 0, bytes: 0 });
      small();
      large.grow(150);
      expect(bulkhead.free).toEqual({ calls: 1, bytes: -50 });
      const waiting = enter(1);
      await jest.advanceTimersByTimeAsync(1);
      expect(bulkhead.stats).toMatchObject({ inflight: 1, queued: 1, inflightBytes: 150 });
      large.release();
      large.grow(1000);
      (await waiting)();
      expect(bulkhead.stats).toMatchObject({ inflight: 0, inflightBytes: 0 });
    });

    it('once for each release, however often it is called', async () => {
      const first = await enter(10);
      const second = await enter(10);
      first();
      first();
      expect(bulkhead.stats).toMatchObject({ inflight: 1, inflightBytes: 10 });
      second();
    });
  });

  describe('gives each caller his share', () => {
    beforeEach(() => {
      bulkhead = new Bulkhead('storage', { ...SETTINGS, maxCalls: 6, maxBytes: 600 });
    });

    const take = (caller: string, bytes = 1): Promise<Place> =>
      bulkhead.acquire({ bytes, caller, signal: never });

    it('of the calls, and has him wait for more until one of his own is over', async () => {
      const own = [await take('ann'), await take('ann'), await take('ann')];
      const waiting = take('ann');
      const others = [await take('bob'), await take('carol'), await take('dave')];
      await jest.advanceTimersByTimeAsync(1);
      expect(bulkhead.stats).toMatchObject({ inflight: 6, queued: 1 });
      for (const { release } of others) release();
      own[0]?.release();
      await waiting;
      expect(bulkhead.stats).toMatchObject({ inflight: 3, queued: 0 });
    });

    it('of the bytes', async () => {
      const large = await take('ann', 50);
      large.grow(290);
      const small = await take('ann', 5);
      const waiting = take('ann', 80);
      (await take('bob', 80)).release();
      expect(bulkhead.stats).toMatchObject({ inflight: 2, queued: 1, inflightBytes: 295 });
      large.release();
      (await waiting).release();
      small.release();
      expect(bulkhead.stats).toMatchObject({ inflight: 0, queued: 0, inflightBytes: 0 });
    });
  });

  describe('turns calls away', () => {
    it('with 503 when the queue is full', async () => {
      const releases = await Promise.all([enter(1), enter(1)]);
      const waiting = [enter(1), enter(1), enter(1)];
      await expect(enter(1)).rejects.toMatchObject({
        code: 'BULKHEAD_FULL',
        status: 503,
        options: { retryAfterMs: 5000 },
      });
      expect(bulkhead.stats).toMatchObject({ queued: 3, rejected: 1 });
      releases.forEach((release) => release());
      for (const waiter of waiting) (await waiter)();
    });

    it('with 503 when the wait is too long', async () => {
      const releases = await Promise.all([enter(1), enter(1)]);
      const waiting = enter(1);
      await jest.advanceTimersByTimeAsync(999);
      expect(bulkhead.stats).toMatchObject({ queued: 1, rejected: 0 });
      await jest.advanceTimersByTimeAsync(1);
      await expect(waiting).rejects.toMatchObject({ code: 'BULKHEAD_FULL' });
      expect(bulkhead.stats).toMatchObject({ queued: 0, rejected: 1 });
      releases.forEach((release) => release());
      expect(bulkhead.stats).toMatchObject({ inflight: 0 });
    });

    it('at once where there is no queue', async () => {
      bulkhead = new Bulkhead('storage', { ...SETTINGS, maxQueued: 0 });
      const releases = await Promise.all([enter(1), enter(1)]);
      await expect(enter(1)).rejects.toMatchObject({ code: 'BULKHEAD_FULL' });
      releases.forEach((release) => release());
    });
  });

  describe('lets go of waiters', () => {
    it('at once when they abort, with their reason, and counts no rejection', async () => {
      const releases = await Promise.all([enter(1), enter(1)]);
      const controller = new AbortController();
      const waiting = enter(1, [], controller.signal);
      const reason = new Error('gone');
      controller.abort(reason);
      expect(bulkhead.stats).toMatchObject({ queued: 0, rejected: 0 });
      await expect(waiting).rejects.toBe(reason);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
      releases.forEach((release) => release());
    });

    it('when their deadline passes: waiting counts', async () => {
      const releases = await Promise.all([enter(1), enter(1)]);
      const derived = new DeadlineSignal(never, Deadline.in(300, systemClock));
      const waiting = enter(1, [], derived.signal);
      await jest.advanceTimersByTimeAsync(300);
      await expect(waiting).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      expect(bulkhead.stats).toMatchObject({ queued: 0, rejected: 0 });
      releases.forEach((release) => release());
    });

    it('that have aborted before they came', async () => {
      await expect(enter(1, [], AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
      expect(bulkhead.stats).toEqual({ inflight: 0, queued: 0, inflightBytes: 0, rejected: 0 });
    });
  });

  it('leaves neither timers nor listeners behind', async () => {
    const first = await enter(100);
    const admitted = enter(30);
    const aborted = new AbortController();
    const waiting = [admitted, enter(100), enter(1, [], aborted.signal)];
    first();
    (await admitted)();
    aborted.abort(new Error('gone'));
    await Promise.allSettled(waiting);
    expect(jest.getTimerCount()).toBe(0);
    expect(getEventListeners(never, 'abort')).toHaveLength(0);
    expect(getEventListeners(aborted.signal, 'abort')).toHaveLength(0);
  });

  it('never exceeds its limits in a rush, and is empty after it', async () => {
    bulkhead = new Bulkhead('storage', { ...SETTINGS, maxCalls: 5, maxQueued: 1000, maxWaitMs: 1e6 });
    let most = { inflight: 0, inflightBytes: 0 };
    const calls = Array.from({ length: 500 }, async (_, index) => {
      const release = await enter(1 + ((index * 37) % 60));
      const { inflight, inflightBytes } = bulkhead.stats;
      most = {
        inflight: Math.max(most.inflight, inflight),
        inflightBytes: Math.max(most.inflightBytes, inflightBytes),
      };
      await Promise.resolve();
      release();
    });
    await Promise.all(calls);
    expect(most.inflight).toBeLessThanOrEqual(5);
    expect(most.inflightBytes).toBeLessThanOrEqual(100);
    expect(bulkhead.stats).toEqual({ inflight: 0, queued: 0, inflightBytes: 0, rejected: 0 });
  });
});
