import { describe, expect, it } from '@jest/globals';
import type { Problem } from '../shared/api.js';
import { durationText, percent, sizeText, type UploadState, wordsOf } from './words.js';

const BUSY: Problem = { status: 503, code: 'CIRCUIT_OPEN', title: 'Busy', detail: 'No storage answers' };
const WRONG_TYPE: Problem = { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', title: 'This type is not taken' };

it.each<[string, UploadState]>([
  ['waiting', { kind: 'waiting' }],
  ['sending 0 %', { kind: 'sending', sent: 0 }],
  ['sending 43 %, 12 MB/s, 48 s left', { kind: 'sending', sent: 430_000_000, bytesPerSecond: 12e6 }],
  ['sending 43 %, nothing goes out at the moment', { kind: 'sending', sent: 430_000_000, bytesPerSecond: 0 }],
  ['sent; waiting for the answer', { kind: 'finishing' }],
  ['paused at 10 %', { kind: 'paused', sent: 100_000_000 }],
  ['waiting for a token', { kind: 'token' }],
  ['No storage answers. It goes on by itself in 8 s.', { kind: 'retrying', problem: BUSY, waitMs: 8_000 }],
  ['No storage answers. It goes on by itself at once.', { kind: 'retrying', problem: BUSY, waitMs: 800 }],
  ['accepted, will be stored later', { kind: 'accepted' }],
  ['accepted, will be stored later. No storage answers.', { kind: 'accepted', problem: BUSY }],
  ['stored', { kind: 'stored' }],
  ['stored after 4 min', { kind: 'stored', afterMs: 240_000 }],
  [
    'refused: UNSUPPORTED_MEDIA_TYPE. This type is not taken. Send a file of a type that is taken here.',
    { kind: 'refused', problem: WRONG_TYPE },
  ],
  ['cancelling', { kind: 'cancelling' }],
  ['cancelling. No storage answers.', { kind: 'cancelling', problem: BUSY }],
  ['cancelled', { kind: 'cancelled' }],
  ['cancelled, as far as can be known', { kind: 'cancelled', isUncertain: true }],
])('says "%s"', (words, state) => {
  expect(wordsOf(state, 1_000_000_000)).toBe(words);
});

it.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [1000, '1.0 kB'],
  [9_949, '9.9 kB'],
  [9_951, '10 kB'],
  [999_499, '999 kB'],
  [999_500, '1.0 MB'],
  [12_345_678, '12 MB'],
  [1_500_000_000, '1.5 GB'],
  [5e15, '5000 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

it.each([
  [0.2, '1 s'],
  [59.4, '59 s'],
  [59.6, '1 min'],
  [3569, '59 min'],
  [3571, '1 h'],
  [10_000, '3 h'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

describe('percent', () => {
  it('is 100 only when all bytes are sent', () => {
    expect([percent(0, 1000), percent(999, 1000), percent(1000, 1000), percent(1100, 1000)]).toEqual([
      0, 99, 100, 100,
    ]);
  });

  it('is 100 of a file without bytes', () => {
    expect(percent(0, 0)).toBe(100);
  });
});
