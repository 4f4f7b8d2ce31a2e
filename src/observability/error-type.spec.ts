import { expect, it } from '@jest/globals';
import { NotFoundException } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { errorTypeOf } from './error-type.js';

class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

it.each([
  [new ServiceError('STORAGE_FAILED', 'The storage failed.'), 'STORAGE_FAILED'],
  [Object.assign(new Error('open'), { code: 'EMFILE' }), 'BULKHEAD_FULL'],
  [new LeaseLost(), 'LeaseLost'],
  [new TypeError('of null'), 'INTERNAL_ERROR'],
  ['text', 'INTERNAL_ERROR'],
])('of %s is %s', (error, type) => {
  expect(errorTypeOf(error)).toBe(type);
});

it('of what Nest answers by itself is our code', () => {
  expect(errorTypeOf(new NotFoundException())).toBe('NOT_FOUND');
});
