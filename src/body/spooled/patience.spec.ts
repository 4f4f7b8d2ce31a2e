import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Patience } from './patience.js';

describe('the patience with readers', () => {
  let ended: number;
  let patience: Patience;

  beforeEach(() => {
    jest.useFakeTimers();
    ended = 0;
    patience = new Patience(() => {
      ended += 1;
    });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('ends a single wait from the beginning after little more than its grace', () => {
    patience.begin();
    jest.advanceTimersByTime(110);
    expect(patience.left).toBe(true);
    jest.advanceTimersByTime(3);
    expect([ended, patience.left]).toEqual([1, false]);
    patience.end();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ends also where its timer fires too early', () => {
    const now = performance.now.bind(performance);
    let lateMs = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now() - lateMs);
    patience.begin();
    lateMs = 30;
    jest.advanceTimersByTime(113);
    expect([ended, patience.left]).toEqual([0, true]);
    jest.advanceTimersByTime(40);
    expect([ended, patience.left]).toEqual([1, false]);
    jest.restoreAllMocks();
  });

  it('allows many short waits that take a tenth of the time together', () => {
    for (let round = 0; round < 1000; round += 1) {
      patience.begin();
      jest.advanceTimersByTime(1);
      patience.end();
      jest.advanceTimersByTime(9);
    }
    expect([ended, patience.left]).toEqual([0, true]);
  });

  it('ends for a reader that is slower than that, and stays near a tenth', () => {
    let waitedMs = 0;
    for (let round = 0; round < 1000; round += 1) {
      if (patience.left) {
        patience.begin();
        jest.advanceTimersByTime(5);
        waitedMs += 5;
        patience.end();
      } else {
        jest.advanceTimersByTime(5);
      }
    }
    expect(waitedMs).toBeGreaterThanOrEqual(600);
    expect(waitedMs).toBeLessThan(610);
  });

  it('counts one wait once', () => {
    patience.begin();
    jest.advanceTimersByTime(50);
    patience.begin();
    jest.advanceTimersByTime(50);
    patience.end();
    patience.end();
    expect([ended, patience.left, jest.getTimerCount()]).toEqual([0, true, 0]);
  });
});
