import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '../errors/service-error.js';
import { isFinalAnswer, statusCodeOf } from './final-answer.js';
import { TargetFailure } from './target-failure.js';

const answered = (statusCode: number): ServiceError =>
  new ServiceError('STORAGE_FAILED', 'The storage element refused the request.', {
    cause: new TargetFailure(`answered ${statusCode}`, { statusCode }),
  });
const unanswered = new ServiceError('STORAGE_TIMEOUT', 'No answer.');

describe('the answer of a target', () => {
  it('is known by its status, also behind the error that says what it means', () => {
    expect(statusCodeOf(answered(422))).toBe(422);
    expect(statusCodeOf(unanswered)).toBeUndefined();
  });

  it.each([400, 409, 422, 500, 503, 507])('is final where the target itself gave it (%d)', (status) => {
    expect(isFinalAnswer(answered(status))).toBe(true);
  });

  it.each([502, 504])('is not where a gateway gave it in its place (%d)', (status) => {
    expect(isFinalAnswer(answered(status))).toBe(false);
  });

  it('is not where there was none', () => {
    expect(isFinalAnswer(unanswered)).toBe(false);
  });
});
