import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { sleep } from './sleep.js';

describe('sleep', () => {
  let controller: AbortController;

  beforeEach(() => {
    jest.useFakeTimers();
    controller = new AbortController();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  function leftOvers(): { timers: number; listeners: number } {
    return {
      timers: jest.getTimerCount(),
      listeners: getEventListeners(controller.signal, 'abort').length,
    };
  }

  it('ends after its time and leaves nothing behind', async () => {
    let over = false;
    const sleeping = sleep(1000, controller.signal).then(() => (over = true));
    await jest.advanceTimersByTimeAsync(999);
    expect(over).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await sleeping;
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
  });

  it('ends at once with the reason of an abort and leaves nothing behind', async () => {
    const reason = new Error('gone');
    const sleeping = sleep(60_000, controller.signal);
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
  });

  it('ends with whichever of several signals aborts, and leaves nothing at the others', async () => {
    const other = new AbortController();
    const reason = new Error('gone');
    const sleeping = sleep(60_000, controller.signal, other.signal);
    other.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
    await expect(sleep(60_000, controller.signal, other.signal)).rejects.toBe(reason);
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
  });

  it('does not begin where the signal has aborted already', async () => {
    const reason = new Error('gone');
    controller.abort(reason);
    await expect(sleep(60_000, controller.signal)).rejects.toBe(reason);
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
  });

  it('does not end at once where the time is longer than a timer keeps', async () => {
    let over = false;
    const sleeping = sleep(2 ** 40, controller.signal).finally(() => (over = true));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(over).toBe(false);
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
  });
});
