import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '../../errors/service-error.js';
import { STORAGE_CODES } from '../../outbound/classify-failure.js';
import { SpoolDamaged, SpoolFileMissing } from '../spool/spool-damaged.js';
import { outcomeOfError } from './attempt-outcome.js';
import { TargetFailure } from '../../outbound/target-failure.js';

const answered = (statusCode: number, retryAfterMs?: number): ServiceError =>
  new ServiceError('STORAGE_FAILED', 'The storage element refused the request.', {
    cause: new TargetFailure(`answered ${statusCode}`, { statusCode, retryAfterMs }),
  });
const outcome = (error: unknown): unknown => outcomeOfError(error, STORAGE_CODES);

describe('the outcome of a try', () => {
  it.each([
    [
      'an open circuit',
      new ServiceError('NO_STORAGE_AVAILABLE', 'None.', { retryAfterMs: 7_000 }),
      { kind: 'deferred', reason: 'NO_STORAGE_AVAILABLE', retryAfterMs: 7_000 },
    ],
    [
      'a full bulkhead',
      new ServiceError('BULKHEAD_FULL', 'Full.', { retryAfterMs: 1_000 }),
      { kind: 'deferred', reason: 'BULKHEAD_FULL', retryAfterMs: 1_000 },
    ],
    [
      'a refused connection',
      new ServiceError('STORAGE_FAILED', 'The connection failed.', {
        cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
      }),
      { kind: 'deferred', reason: 'STORAGE_FAILED', retryAfterMs: undefined },
    ],
    [
      'an element that asks for time',
      answered(503, 5_000),
      { kind: 'deferred', reason: 'STORAGE_FAILED', retryAfterMs: 5_000 },
    ],
    ['an element that breaks', answered(500), { kind: 'failed', reason: 'STORAGE_FAILED' }],
    ['an element of another mode', answered(409), { kind: 'failed', reason: 'STORAGE_FAILED' }],
    ['an element that refuses what we say', answered(422), { kind: 'refused', reason: 'STORAGE_FAILED' }],
    [
      'a file that is too large for the element',
      new ServiceError('FILE_TOO_LARGE', 'Too large.'),
      { kind: 'refused', reason: 'FILE_TOO_LARGE' },
    ],
    ['a damaged spool file', new SpoolDamaged('Damaged.'), { kind: 'refused', reason: 'spool_damaged' }],
    ['a full element', new ServiceError('STORAGE_FULL', 'Full.'), { kind: 'failed', reason: 'STORAGE_FULL' }],
    [
      'no service token',
      new ServiceError('ADMIN_UNAVAILABLE', 'No token.'),
      { kind: 'deferred', reason: 'ADMIN_UNAVAILABLE', retryAfterMs: 10_000 },
    ],
    [
      'a kept file that is not there now',
      new SpoolFileMissing(),
      { kind: 'failed', reason: 'spool_file_missing' },
    ],
    ['our shutdown', new ServiceError('SHUTTING_DOWN', 'Stopped.'), { kind: 'interrupted' }],
    ['a bug', new TypeError('undefined is no function'), { kind: 'failed', reason: 'INTERNAL_ERROR' }],
  ])('is read from %s', (_, error, expected) => {
    expect(outcome(error)).toEqual(expected);
  });
});
