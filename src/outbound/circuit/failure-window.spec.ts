import { describe, expect, it } from '@jest/globals';
import { FailureWindow } from './failure-window.js';

describe('FailureWindow', () => {
  it('counts failures that are as old as the window at most', () => {
    const window = new FailureWindow(5, 1_000);
    window.add(0);
    window.add(600);
    expect(window.count(1_000)).toBe(2);
    expect(window.count(1_001)).toBe(1);
    expect(window.count(1_601)).toBe(0);
  });

  it('keeps as many failures as it has room for, the newest', () => {
    const window = new FailureWindow(3, 1_000);
    for (let atMs = 1; atMs <= 1_000; atMs += 1) window.add(atMs);
    expect([1_000, 1_998, 1_999, 2_000].map((nowMs) => window.count(nowMs))).toEqual([3, 3, 2, 1]);
  });

  it('begins anew when it is cleared', () => {
    const window = new FailureWindow(3, 1_000);
    for (const atMs of [1, 2, 3, 4]) window.add(atMs);
    window.clear();
    expect(window.count(4)).toBe(0);
    window.add(5);
    expect([5, 1_005, 1_006].map((nowMs) => window.count(nowMs))).toEqual([1, 1, 0]);
  });
});
