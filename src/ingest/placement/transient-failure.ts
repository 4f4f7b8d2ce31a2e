import type { ErrorCode } from '../../errors/catalogue.js';
import { ServiceError } from '../../errors/service-error.js';
import { classifyFailure, STORAGE_CODES } from '../../outbound/classify-failure.js';

/** Failures of storing that say nothing against the file. */
const PASSING = new Set<ErrorCode>([
  ...STORAGE_CODES,
  'NO_STORAGE_AVAILABLE',
  'CIRCUIT_OPEN',
  'BULKHEAD_FULL',
  'DEADLINE_EXCEEDED',
  'ADMIN_UNAVAILABLE',
]);

/**
 * Can another time mend what storing failed with? Not where the storage understood the request and refuses it: then a
 * file that was accepted would be a dead letter at once.
 */
export function isTransient(error: unknown): error is ServiceError {
  if (!(error instanceof ServiceError) || !PASSING.has(error.code)) return false;
  return !STORAGE_CODES.includes(error.code) || classifyFailure(error, STORAGE_CODES).retry !== 'never';
}
