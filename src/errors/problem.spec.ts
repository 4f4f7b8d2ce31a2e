import { describe, expect, it } from '@jest/globals';
import { ERROR_CATALOGUE, type ErrorCode } from './catalogue.js';
import { toProblem } from './problem.js';
import { ServiceError } from './service-error.js';

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('a problem', () => {
  it('has the members of RFC 9457 and ours', () => {
    const error = new ServiceError('EMPTY_FILE', 'The file has no bytes.');
    expect(asJson(toProblem(error, '/api/v1/files/upload', 'a'.repeat(32)))).toEqual({
      type: 'urn:ingester:error:empty-file',
      title: 'The file is empty',
      status: 400,
      detail: 'The file has no bytes.',
      instance: '/api/v1/files/upload',
      code: 'EMPTY_FILE',
      retryable: false,
      trace_id: 'a'.repeat(32),
    });
  });

  it('leaves out what is not known, except the trace id, which is null', () => {
    const problem = asJson(toProblem(new ServiceError('NOT_FOUND', 'Nothing.')));
    expect(problem).not.toHaveProperty('instance');
    expect(problem).not.toHaveProperty('errors');
    expect(problem).toHaveProperty('trace_id', null);
  });

  it('lists wrong fields and further members', () => {
    const fields = [{ field: 'ttl_days', message: 'must be at most 365' }];
    const error = new ServiceError('VALIDATION_ERROR', 'Wrong.', { fields, members: { supported: ['1'] } });
    expect(toProblem(error)).toMatchObject({ errors: fields, supported: ['1'] });
  });

  it('never tells what failed underneath', () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.7:5432', { cause: new Error('password hunter2') });
    const error = new ServiceError('STORAGE_FAILED', 'The storage failed.', {
      cause,
      headers: { 'X-A': 'b' },
    });
    const text = JSON.stringify(toProblem(error));
    expect(text).not.toMatch(/10\.0\.0\.7|hunter2|ECONNREFUSED|spec\.ts|stack|cause|X-A/);
  });

  it.each(Object.keys(ERROR_CATALOGUE) as ErrorCode[])('of %s has its own type, as a URI', (code) => {
    const { type } = toProblem(new ServiceError(code, 'Detail.'));
    expect(URL.canParse(type)).toBe(true);
    expect(type.replace('urn:ingester:error:', '').toUpperCase().replaceAll('-', '_')).toBe(code);
  });
});

describe('a ServiceError', () => {
  it('keeps its cause and shows code and detail in its message', () => {
    const cause = new Error('underneath');
    const error = new ServiceError('STORAGE_TIMEOUT', 'Too late.', { cause });
    expect(error).toMatchObject({
      name: 'ServiceError',
      message: 'STORAGE_TIMEOUT: Too late.',
      status: 504,
      cause,
    });
  });
});
