import { describe, expect, it } from '@jest/globals';
import { parseRetryAfter } from './retry-after.js';

const NOW = Date.UTC(2026, 10, 20, 10, 0, 0);

describe('parseRetryAfter', () => {
  it.each([
    ['0', 0],
    ['1', 1000],
    ['120', 120_000],
    [' 7 ', 7000],
    ['007', 7000],
    ['9'.repeat(400), 2 ** 31 - 1],
  ])('reads %s as seconds', (value, expected) => {
    expect(parseRetryAfter(value, NOW)).toBe(expected);
  });

  it.each([
    ['an IMF-fixdate', 'Fri, 20 Nov 2026 10:00:30 GMT'],
    ['a date of RFC 850', 'Friday, 20-Nov-26 10:00:30 GMT'],
    ['a date of asctime', 'Fri Nov 20 10:00:30 2026'],
  ])('reads %s', (_form, value) => {
    expect(parseRetryAfter(value, NOW)).toBe(30_000);
  });

  it('reads a date of asctime with one digit for the day', () => {
    expect(parseRetryAfter('Sun Nov  1 00:00:10 2026', Date.UTC(2026, 10, 1))).toBe(10_000);
  });

  it.each([
    ['a moment ago', 'Fri, 20 Nov 2026 09:59:59 GMT'],
    ['long ago', 'Sun, 06 Nov 1994 08:49:37 GMT'],
    ['in the last century, as two digits over 50 years ahead mean', 'Sunday, 06-Nov-94 08:49:37 GMT'],
  ])('takes what was %s for now', (_when, value) => {
    expect(parseRetryAfter(value, NOW)).toBe(0);
  });

  it('takes two digits up to 50 years ahead for this century, cut to what a timer keeps', () => {
    expect(parseRetryAfter('Friday, 20-Nov-76 10:00:30 GMT', NOW)).toBe(2 ** 31 - 1);
  });

  it.each([
    undefined,
    null,
    5,
    ['1', '2'],
    '',
    ' ',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x10',
    'soon',
    '1, 2',
    '2026-11-20T10:00:30Z',
    'Fri, 20 Nov 2026 10:00:30 CET',
    'Fri, 20 Nov 2026 10:00:30',
    'Fri, 20 Nov 2026 25:00:30 GMT',
    'Fri, 20 Foo 2026 10:00:30 GMT',
    'Fri, 99 Nov 2026 10:00:30 GMT',
    'fri, 20 nov 2026 10:00:30 gmt',
  ])('makes nothing of %p', (value) => {
    expect(parseRetryAfter(value, NOW)).toBeUndefined();
  });
});
