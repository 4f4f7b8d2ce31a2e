import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '../errors/service-error.js';
import { timeoutPhaseOf } from './timeout-phase.js';
import { TargetFailure } from './target-failure.js';

const failed = (cause: unknown): ServiceError => new ServiceError('STORAGE_TIMEOUT', 'Late.', { cause });
const coded = (code: string, members = {}): Error => Object.assign(new Error(code), { code, ...members });

describe('timeoutPhaseOf', () => {
  it.each([
    ['connect', coded('UND_ERR_CONNECT_TIMEOUT')],
    ['connect', coded('ETIMEDOUT', { syscall: 'connect' })],
    ['stall', coded('ETIMEDOUT', { syscall: 'read' })],
    ['headers', coded('UND_ERR_HEADERS_TIMEOUT')],
    ['stall', coded('UND_ERR_BODY_TIMEOUT')],
    ['headers', Object.assign(new Error('late'), { name: 'TimeoutError' })],
    ['commit', new TargetFailure('late', { timeoutPhase: 'commit' })],
    ['commit', new Error('lost', { cause: new TargetFailure('late', { timeoutPhase: 'commit' }) })],
  ])('finds %s in %p', (phase, cause) => {
    expect(timeoutPhaseOf(failed(cause))).toBe(phase);
  });

  it.each([
    undefined,
    coded('ECONNRESET'),
    coded('toString'),
    new Error('x'),
    { timeoutPhase: 'commit' },
    new TargetFailure('answered', { statusCode: 500 }),
    'text',
  ])('finds none in %p', (cause) => {
    expect(timeoutPhaseOf(failed(cause))).toBeUndefined();
  });
});
