import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { RefusalLines } from './refusal-lines.js';

const told: number[] = [];
let lines: RefusalLines;

/** How many of so many refusals have a line. */
const written = (count: number): number =>
  Array.from({ length: count }, () => lines.take()).filter(Boolean).length;

beforeEach(() => {
  jest.useFakeTimers();
  told.length = 0;
  lines = new RefusalLines((leftOut) => told.push(leftOut));
});
afterEach(() => {
  jest.useRealTimers();
});

it('gives ten refusals of a second a line each', () => {
  expect(written(10)).toBe(10);
  jest.advanceTimersByTime(1_000);
  expect(told).toEqual([]);
});

it('tells once, at the end of the second, how many more there were', () => {
  expect(written(250)).toBe(10);
  expect(told).toEqual([]);
  jest.advanceTimersByTime(999);
  expect(told).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(told).toEqual([240]);
});

it('begins anew with the next refusal', () => {
  written(30);
  jest.advanceTimersByTime(1_000);
  expect(written(12)).toBe(10);
  jest.advanceTimersByTime(1_000);
  expect(told).toEqual([20, 2]);
});

it('has no timer while nobody is refused', () => {
  written(30);
  jest.advanceTimersByTime(1_000);
  expect(jest.getTimerCount()).toBe(0);
});
