import { expect, it } from '@jest/globals';
import { bytes, counted, duration, listed, rate, relative } from './format.js';

it.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [1_000, '1.0 kB'],
  [999_600, '1.0 MB'],
  [12_345_678, '12 MB'],
  [5e18, '5000 PB'],
])('%d bytes are %s', (count, text) => {
  expect(bytes(count)).toBe(text);
});

it.each([
  [-3, '0 s'],
  [59.6, '1 min'],
  [3_599, '1 h'],
  [7_800, '2 h 10 min'],
  [273_600, '3 d 4 h'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

it('says figures as people read them', () => {
  expect([rate(0), rate(3.21), rate(1_200.4)]).toEqual(['0', '3.2', '1,200']);
  expect([counted(1, 'upload'), counted(1_200, 'file waits', 'files wait')]).toEqual([
    '1 upload',
    '1,200 files wait',
  ]);
  expect([listed([]), listed(['a']), listed(['a', 'b', 'c'])]).toEqual(['', 'a', 'a, b and c']);
  const nowMs = Date.parse('2026-12-01T10:00:00Z');
  expect([relative('2026-12-01T09:59:30Z', nowMs), relative('2026-12-01T10:01:00Z', nowMs)]).toEqual([
    '30 s ago',
    'in 1 min',
  ]);
});
