import { isKeptNumber } from './json-numbers.js';

/**
 * Tells whether objects and arrays of parsed JSON lie within one another on more than `most` levels: `{}` has one, `5`
 * has none. `JSON.parse` takes any depth, while most of what comes after it goes down by recursion, and would overflow.
 */
export function exceedsNesting(value: unknown, most: number): boolean {
  let level = [value].filter(isContainer);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === most) return true;
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
  return false;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !isKeptNumber(value);
}
