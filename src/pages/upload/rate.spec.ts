import { expect, it } from '@jest/globals';
import { Rate } from './rate.js';

function rateOf(...samples: readonly (readonly [atMs: number, bytes: number])[]): Rate {
  const rate = new Rate();
  for (const [atMs, bytes] of samples) rate.add(bytes, atMs);
  return rate;
}

it('says nothing while it knows too little', () => {
  expect(new Rate().at(10_000)).toBeUndefined();
  expect(rateOf([0, 0], [400, 1000]).at(400)).toBeUndefined();
});

it('is bytes a second', () => {
  expect(rateOf([0, 0], [1000, 1000], [2000, 4000]).at(2000)).toBe(2000);
});

it('forgets what is longer ago than the window', () => {
  expect(rateOf([0, 0], [5_000, 5_000_000], [10_000, 5_000_000]).at(10_000)).toBe(0);
});

it('falls while nothing comes', () => {
  expect(rateOf([0, 0], [1000, 1000]).at(4000)).toBe(250);
});

it('begins anew where a file is sent from its beginning again', () => {
  expect(rateOf([0, 0], [1000, 9000], [2000, 0], [3000, 500]).at(3000)).toBe(500);
});
