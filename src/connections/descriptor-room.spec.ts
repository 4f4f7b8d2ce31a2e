import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DescriptorRoom, processDescriptors } from './descriptor-room.js';

const LIMIT = 120;

describe('DescriptorRoom', () => {
  let open: number;
  let counts: number;
  const roomOf = (limit: number): DescriptorRoom =>
    new DescriptorRoom({
      limit,
      open: () => {
        counts += 1;
        return open;
      },
    });

  beforeEach(() => {
    jest.useFakeTimers();
    counts = 0;
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it.each([
    [20, true],
    [100, true],
    [101, false],
    [120, false],
  ])('with %i of 120 in use has room for a connection: %s', (inUse, fits) => {
    open = inUse;
    // The connection itself is counted already.
    expect(roomOf(LIMIT).fitsConnection(1, 0)).toBe(fits);
  });

  it.each([
    [100, 0, true],
    [100, 4, true],
    [100, 5, false],
    [109, 0, false],
  ])(
    'with %i of 120 in use, and %i uploads that may open more, has room for one more: %s',
    (inUse, uploads, fits) => {
      open = inUse;
      expect(roomOf(LIMIT).fitsUpload(10, uploads)).toBe(fits);
    },
  );

  it('counts connections that come between two counts', () => {
    open = 98;
    const room = roomOf(LIMIT);
    expect([1, 2, 3, 4].map((connections) => room.fitsConnection(connections, 0))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(counts).toBe(1);
    jest.advanceTimersByTime(100);
    expect(room.fitsConnection(5, 0)).toBe(true);
    expect(counts).toBe(2);
  });

  it('is spent where the next connection may be closed without an answer', () => {
    open = 115;
    expect(roomOf(LIMIT).isSpent).toBe(false);
    open = 116;
    expect(roomOf(LIMIT).isSpent).toBe(true);
  });

  it.each([65_536, Infinity])('does not count where there are far more than are needed: %d', (limit) => {
    const room = roomOf(limit);
    expect([room.fitsConnection(10_000, 5_000), room.fitsUpload(10_000, 5_000)]).toEqual([true, true]);
    expect(counts).toBe(0);
  });

  it('takes all for in use where there is none left to count with', () => {
    const room = new DescriptorRoom({
      limit: LIMIT,
      open: () => {
        throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
      },
    });
    expect([room.fitsConnection(1, 0), room.fitsUpload(1, 0), room.isSpent]).toEqual([false, false, true]);
  });

  it('knows what the operating system says of this process', () => {
    const descriptors = processDescriptors();
    expect(descriptors.limit).toBeGreaterThan(20);
    if (descriptors.limit !== Infinity) expect(descriptors.open()).toBeLessThan(descriptors.limit);
  });
});
