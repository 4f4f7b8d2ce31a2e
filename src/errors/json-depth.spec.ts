import { describe, expect, it } from '@jest/globals';
import { exceedsNesting } from './json-depth.js';
import { parseKeepingNumbers } from './json-numbers.js';

describe('exceedsNesting', () => {
  it.each([
    ['5', 0],
    ['null', 0],
    ['[]', 1],
    ['{"a":1,"b":"x"}', 1],
    ['{"a":[1,{"b":null}],"c":{}}', 3],
    ['[[],[[]],[]]', 3],
  ])('counts the levels of %s: %i', (json, levels) => {
    const value: unknown = JSON.parse(json);
    expect(exceedsNesting(value, levels)).toBe(false);
    if (levels > 0) expect(exceedsNesting(value, levels - 1)).toBe(true);
  });

  it('takes a number that is kept as text for a number', () => {
    expect(exceedsNesting(parseKeepingNumbers('[1.10]'), 1)).toBe(false);
  });

  it('gives an answer where recursion would overflow', () => {
    const levels = 1_000_000;
    const value: unknown = JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    expect(exceedsNesting(value, levels)).toBe(false);
    expect(exceedsNesting(value, levels - 1)).toBe(true);
  });
});
