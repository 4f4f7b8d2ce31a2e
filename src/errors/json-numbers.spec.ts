import { describe, expect, it } from '@jest/globals';
import { parseKeepingNumbers } from './json-numbers.js';

describe('parseKeepingNumbers', () => {
  it.each([
    '1546130668394913822',
    '0.1234567890123456789012345678901234567890',
    '1.10',
    '1e400',
    '1E2',
    '-0',
    '-0.0',
  ])('keeps %s as it was written', (number) => {
    const json = `{"a":[${number}],"__proto__":{"b":${number}}}`;
    expect(JSON.stringify(parseKeepingNumbers(json))).toBe(json);
  });

  it('reads everything else as JSON.parse does', () => {
    const json = '{"a":[1,-1.5,1e+21,"1.10","-0",null,true,{}],"__proto__":{"b":2}}';
    expect(parseKeepingNumbers(json)).toEqual(JSON.parse(json));
    expect(() => parseKeepingNumbers('{')).toThrow(SyntaxError);
  });
});
