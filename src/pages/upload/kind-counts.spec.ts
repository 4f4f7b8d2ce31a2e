import { expect, it } from '@jest/globals';
import { KindCounts } from './kind-counts.js';

it('counts files as they come, change and go', () => {
  const counts = new KindCounts();
  counts.move(undefined, 'waiting');
  counts.move(undefined, 'waiting');
  counts.move('waiting', 'stored');
  expect([counts.of('waiting'), counts.of('stored'), counts.of('refused')]).toEqual([1, 1, 0]);
  counts.move('stored', undefined);
  expect(counts.of('stored')).toBe(0);
});
