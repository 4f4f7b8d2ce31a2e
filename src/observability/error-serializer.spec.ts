import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '../errors/service-error.js';
import { serializeError } from './error-serializer.js';

describe('serializeError', () => {
  it('lists type, message, code and the chain of causes', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const error = new ServiceError('STORAGE_FAILED', 'The storage failed.', { cause });
    expect(serializeError(error)).toMatchObject({
      type: 'ServiceError',
      code: 'STORAGE_FAILED',
      cause: { type: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
    });
  });

  it('leaves out what an HTTP client hangs on its errors', () => {
    const error = Object.assign(new Error('401'), { headers: { authorization: 'secret' }, body: 'secret' });
    expect(JSON.stringify({ ...serializeError(error), stack: '' })).not.toContain('secret');
  });

  it('ends where causes form a circle', () => {
    const error: Error = new Error('one');
    error.cause = error;
    expect(() => JSON.stringify(serializeError(error))).not.toThrow();
  });

  it('cuts a message that quotes a long text of somebody else, in the stack as well', () => {
    const { message, stack } = serializeError(new Error('x'.repeat(16_384)));
    expect(message).toBe(`${'x'.repeat(1024)}… (16384 characters)`);
    expect(stack?.length).toBeLessThan(8_300);
  });

  it('takes what was thrown without being an error', () => {
    expect(serializeError('text')).toEqual({ type: 'string', message: 'text' });
  });
});
