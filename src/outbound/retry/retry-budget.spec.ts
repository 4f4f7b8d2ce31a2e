import { describe, expect, it } from '@jest/globals';
import type { FailureKind } from '../outcome.js';
import { RetryBudget } from './retry-budget.js';

const broken: FailureKind = { verdict: 'failure', retry: 'again' };
const refused: FailureKind = { ...broken, nothingSent: true };

function paid(budget: RetryBudget, times: number, failure = broken): number {
  return Array.from({ length: times }, () => budget.pay(failure)).filter(Boolean).length;
}

function succeed(budget: RetryBudget, times: number): void {
  for (let call = 0; call < times; call += 1) budget.succeeded();
}

describe('RetryBudget', () => {
  it('pays for ten retries without a success, and no more', () => {
    const budget = new RetryBudget();
    expect(paid(budget, 100)).toBe(10);
    expect(budget.tokens).toBe(0);
  });

  it('pays for one more retry after exactly ten successes', () => {
    const budget = new RetryBudget();
    paid(budget, 10);
    succeed(budget, 9);
    expect(budget.pay(broken)).toBe(false);
    succeed(budget, 1);
    expect(paid(budget, 2)).toBe(1);
  });

  it('saves up no more than it began with', () => {
    const budget = new RetryBudget();
    succeed(budget, 100_000);
    expect(budget.tokens).toBe(10);
    expect(paid(budget, 100)).toBe(10);
  });

  it('charges nothing for a connection that was refused before bytes moved, also when it is empty', () => {
    const budget = new RetryBudget();
    expect(paid(budget, 100, refused)).toBe(100);
    expect(budget.tokens).toBe(10);
    paid(budget, 10);
    expect(budget.pay(refused)).toBe(true);
  });

  it('takes other sizes', () => {
    const budget = new RetryBudget({ tokens: 2, perSuccess: 0.5 });
    expect(paid(budget, 10)).toBe(2);
    succeed(budget, 2);
    expect(paid(budget, 10)).toBe(1);
  });
});
