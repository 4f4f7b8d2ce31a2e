import { describe, it } from '@jest/globals';
import { inLongRun } from '../support/long-run.js';
import { ENDS_MS, expectNothingLost, killOnce } from './kill-run.js';
import { SIZES } from './kill-uploads.js';

const ROUNDS = inLongRun(100, 1);
const ROUND_MS = 30_000;

/** Of three parts, so that a delivery goes on in the middle. */
const IN_PARTS = 12_000_000;

describe('a process that is killed at any instant, with buckets beside a storage element', () => {
  it(
    'loses and doubles nothing, and leaves no parts',
    () =>
      expectNothingLost({
        name: 'with two buckets and an element',
        rounds: ROUNDS,
        replicaCount: 1,
        elements: ['s3', 'http', 's3'],
        sizes: [...SIZES, IN_PARTS],
        variables: {},
        round: killOnce,
      }),
    ROUND_MS * ROUNDS + ENDS_MS,
  );
});
