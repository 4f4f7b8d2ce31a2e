import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '../errors/service-error.js';
import { outcomeOf } from './upload-outcome.js';

describe('outcomeOf', () => {
  it.each([
    ['CLIENT_CLOSED_REQUEST', 'client_abort'],
    ['EMPTY_FILE', 'rejected'],
    ['CLIENT_STALLED', 'rejected'],
    ['RATE_LIMITED', 'rejected'],
    ['STORAGE_FAILED', 'failed'],
    ['BULKHEAD_FULL', 'failed'],
  ] as const)('counts %s as %s', (code, outcome) => {
    expect(outcomeOf(new ServiceError(code, 'x'))).toBe(outcome);
  });

  it('counts a body that is cut off as its client leaving', () => {
    const cause = new ServiceError('CLIENT_CLOSED_REQUEST', 'x');
    expect(outcomeOf(new ServiceError('MALFORMED_MULTIPART', 'x', { cause }))).toBe('client_abort');
    expect(outcomeOf(new ServiceError('MALFORMED_MULTIPART', 'x'))).toBe('rejected');
  });

  it('counts a defect as failed', () => {
    expect(outcomeOf(new TypeError('x'))).toBe('failed');
  });
});
