import { describe, expect, it } from '@jest/globals';
import { MemoryBudget } from './memory-budget.js';

describe('the memory budget', () => {
  it('divides its limit evenly', () => {
    const budget = new MemoryBudget(1000);
    expect(budget.shareBytes).toBe(1000);
    for (let member = 0; member < 4; member += 1) budget.join();
    expect(budget.shareBytes).toBe(250);
    budget.leave();
    budget.leave();
    expect(budget.shareBytes).toBe(500);
  });

  it('gives less where more is held than the limit, and nothing a quarter above it', () => {
    const budget = new MemoryBudget(1000);
    budget.join();
    budget.take(1000);
    expect([budget.exceeded, budget.shareBytes]).toEqual([false, 1000]);
    budget.take(125);
    expect([budget.exceeded, budget.shareBytes]).toEqual([true, 500]);
    budget.take(1000);
    expect(budget.shareBytes).toBe(0);
    budget.give(2125);
    expect([budget.usedBytes, budget.exceeded, budget.shareBytes]).toEqual([0, false, 1000]);
  });
});
