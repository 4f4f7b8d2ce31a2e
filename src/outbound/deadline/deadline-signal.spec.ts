import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../timing/clock.js';
import { DeadlineSignal } from './deadline-signal.js';
import { Deadline } from './deadline.js';

describe('DeadlineSignal', () => {
  let parent: AbortController;

  beforeEach(() => {
    jest.useFakeTimers();
    parent = new AbortController();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const inMs = (ms: number): Deadline => Deadline.in(ms, systemClock);

  function leftOvers(): { timers: number; listeners: number } {
    return { timers: jest.getTimerCount(), listeners: getEventListeners(parent.signal, 'abort').length };
  }

  it('aborts when its deadline passes, and not before', () => {
    const { signal } = new DeadlineSignal(parent.signal, inMs(1000));
    jest.advanceTimersByTime(999);
    expect(signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(signal.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED', status: 504 });
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
  });

  it('aborts at once where the deadline has passed', () => {
    const { signal } = new DeadlineSignal(parent.signal, inMs(0));
    expect(signal.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
  });

  it('waits on when a timer fires early', () => {
    let nowMs = 0;
    const slow = { monotonicMs: () => nowMs, wallMs: () => 0 };
    const { signal } = new DeadlineSignal(parent.signal, Deadline.in(1000, slow));
    nowMs = 999.4;
    jest.advanceTimersByTime(1000);
    expect(signal.aborted).toBe(false);
    nowMs = 1000;
    jest.advanceTimersByTime(1);
    expect(signal.aborted).toBe(true);
  });

  it('bears a deadline that is further away than a timer can wait', () => {
    const derived = new DeadlineSignal(parent.signal, inMs(2 ** 32));
    jest.advanceTimersByTime(60_000);
    expect(derived.signal.aborted).toBe(false);
    derived.dispose();
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
  });

  it('aborts with its parent, for the same reason', () => {
    const reason = new Error('gone');
    const { signal } = new DeadlineSignal(parent.signal, inMs(1000));
    parent.abort(reason);
    expect(signal.reason).toBe(reason);
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
  });

  it('is aborted from the start where its parent is', () => {
    const reason = new Error('gone');
    parent.abort(reason);
    expect(new DeadlineSignal(parent.signal, inMs(1000)).signal.reason).toBe(reason);
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
  });

  it('aborts by hand and leaves parent and siblings alone', () => {
    const reason = new Error('stalled');
    const derived = new DeadlineSignal(parent.signal, inMs(1000));
    const sibling = new DeadlineSignal(parent.signal);
    derived.abort(reason);
    expect(derived.signal.reason).toBe(reason);
    expect([parent.signal.aborted, sibling.signal.aborted]).toEqual([false, false]);
    expect(leftOvers()).toEqual({ timers: 0, listeners: 1 });
  });

  it('does not abort once it is disposed of', () => {
    const derived = new DeadlineSignal(parent.signal, inMs(1000));
    derived.dispose();
    parent.abort(new Error('too late'));
    jest.advanceTimersByTime(2000);
    expect(derived.signal.aborted).toBe(false);
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
  });

  it('leaves the heap flat after 300 000 calls under one long-lived parent', () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const derive = (calls: number): void => {
      for (let call = 0; call < calls; call += 1) {
        new DeadlineSignal(parent.signal, inMs(60_000)).dispose();
      }
    };
    derive(10_000);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    derive(300_000);
    collectGarbage();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4 * 1024 * 1024);
    expect(leftOvers()).toEqual({ timers: 0, listeners: 0 });
  });
});
