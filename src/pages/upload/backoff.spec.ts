import { expect, it } from '@jest/globals';
import { waitAfter } from './backoff.js';

it('waits twice as long after each failure, up to half a minute', () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 100].map((failures) => waitAfter(failures, undefined, () => 1));
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

it('leaves half of the wait to chance', () => {
  expect(waitAfter(3, undefined, () => 0)).toBe(2000);
  expect(waitAfter(3, undefined, () => 0.5)).toBe(3000);
});

it('waits as long as the service says, and a moment', () => {
  expect(waitAfter(1, 60, () => 0)).toBe(60_000);
  expect(waitAfter(9, 1, () => 1)).toBe(1500);
  expect(waitAfter(5, 0, () => 0)).toBe(0);
});
