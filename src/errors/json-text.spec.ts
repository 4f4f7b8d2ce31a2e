import { describe, expect, it } from '@jest/globals';
import { isStorable } from './json-text.js';

describe('isStorable', () => {
  it.each([
    '',
    'Grüße 🎉',
    '\u0001\n',
    String.raw`\u0000`,
    String.raw`\\ud800`,
    ['a'],
    { a: { b: [1, null] } },
    undefined,
  ])('takes %j', (value) => {
    expect(isStorable(value)).toBe(true);
  });

  it.each([
    '\0',
    'a\\\0',
    '\ud800',
    '\udfff a',
    '\udc00\ud800',
    ['a\0'],
    { a: { b: ['\ud83d'] } },
    { 'a\0': 1 },
  ])('refuses %j', (value) => {
    expect(isStorable(value)).toBe(false);
  });
});
