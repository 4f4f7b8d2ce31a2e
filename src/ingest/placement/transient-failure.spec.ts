import { describe, expect, it } from '@jest/globals';
import type { ErrorCode } from '../../errors/catalogue.js';
import { ServiceError } from '../../errors/service-error.js';
import { isTransient } from './transient-failure.js';
import { TargetFailure } from '../../outbound/target-failure.js';

const failure = (code: ErrorCode, cause?: unknown): ServiceError => new ServiceError(code, 'x', { cause });
const answered = (statusCode: number): ServiceError =>
  failure('STORAGE_FAILED', new TargetFailure('x', { statusCode }));

describe('isTransient', () => {
  it.each<ErrorCode>([
    'STORAGE_FAILED',
    'STORAGE_TIMEOUT',
    'STORAGE_FULL',
    'NO_STORAGE_AVAILABLE',
    'CIRCUIT_OPEN',
    'BULKHEAD_FULL',
    'DEADLINE_EXCEEDED',
    'ADMIN_UNAVAILABLE',
  ])('takes %s for what another time may mend', (code) => {
    expect(isTransient(failure(code))).toBe(true);
  });

  it.each<ErrorCode>([
    'CONFLICT',
    'VALIDATION_ERROR',
    'FILE_TOO_LARGE',
    'CLIENT_CLOSED_REQUEST',
    'CLIENT_STALLED',
    'SHUTTING_DOWN',
    'SPOOL_FULL',
    'INTERNAL_ERROR',
  ])('leaves %s as it is', (code) => {
    expect(isTransient(failure(code))).toBe(false);
  });

  it('waits for a storage that is broken, busy, shut off or of the wrong mode', () => {
    expect([500, 503, 429, 507, 401, 403, 409].map((status) => isTransient(answered(status)))).not.toContain(
      false,
    );
  });

  it('does not wait for a storage that refuses the file', () => {
    expect([404, 415, 422].map((status) => isTransient(answered(status)))).not.toContain(true);
  });

  it('leaves a defect of ours as it is', () => {
    expect(isTransient(new TypeError('x'))).toBe(false);
    expect(isTransient(failure('STORAGE_FAILED', new TypeError('x')))).toBe(false);
  });
});
