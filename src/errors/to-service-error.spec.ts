import {
  BadRequestException,
  ForbiddenException,
  HttpException,
  ImATeapotException,
  MethodNotAllowedException,
  NotFoundException,
  PayloadTooLargeException,
  RequestTimeoutException,
  ServiceUnavailableException,
  UnauthorizedException,
  UnsupportedMediaTypeException,
} from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { ServiceError } from './service-error.js';
import { toServiceError } from './to-service-error.js';

/** As Express and its parsers make them. */
function expressError(status: unknown): Error {
  return Object.assign(new Error('secret of the parser'), { status, statusCode: status });
}

describe('what is thrown', () => {
  it('stays as it is when it is ours', () => {
    const error = new ServiceError('CONFLICT', 'Taken.');
    expect(toServiceError(error)).toBe(error);
  });

  it.each([
    [new BadRequestException(), 400, 'VALIDATION_ERROR'],
    [new UnauthorizedException(), 401, 'UNAUTHORIZED'],
    [new ForbiddenException(), 403, 'FORBIDDEN'],
    [new NotFoundException('Cannot GET /secret'), 404, 'NOT_FOUND'],
    [new MethodNotAllowedException(), 404, 'NOT_FOUND'],
    [new RequestTimeoutException(), 408, 'CLIENT_STALLED'],
    [new PayloadTooLargeException(), 413, 'FILE_TOO_LARGE'],
    [new UnsupportedMediaTypeException(), 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ])('by Nest as %s is %i %s', (thrown, status, code) => {
    expect(toServiceError(thrown)).toMatchObject({ status, code, cause: thrown });
  });

  it.each([
    [400, 'VALIDATION_ERROR'],
    [413, 'FILE_TOO_LARGE'],
    [415, 'UNSUPPORTED_MEDIA_TYPE'],
  ])('by Express with status %i is %s', (status, code) => {
    expect(toServiceError(expressError(status))).toMatchObject({ status, code });
  });

  it.each([
    Object.assign(new Error('EMFILE: too many open files, open'), { code: 'EMFILE' }),
    Object.assign(new Error('socket'), { code: 'ENFILE' }),
    Object.assign(new Error('Worker initialization failure: EMFILE'), { code: 'ERR_WORKER_INIT_FAILED' }),
  ])('for want of a file descriptor is BULKHEAD_FULL, however deep that lies: %s', (cause) => {
    const thrown = [cause, new ServiceError('STORAGE_FAILED', 'The storage failed.', { cause })];
    for (const error of thrown.map(toServiceError)) {
      expect(error).toMatchObject({ status: 503, code: 'BULKHEAD_FULL', options: { retryAfterMs: 5_000 } });
      expect(error.detail).not.toMatch(/FILE/);
    }
  });

  it('is not taken for a want of file descriptors when its causes go round in a circle', () => {
    const error = new Error('round');
    error.cause = error;
    expect(toServiceError(error).code).toBe('INTERNAL_ERROR');
  });

  it.each([
    ['an exception of Nest that we never mean to throw', new ServiceUnavailableException('upstream text')],
    ['a teapot', new ImATeapotException()],
    ['an exception with an odd status', new HttpException('odd', 299)],
    ['an error with a status that is no number', expressError('400')],
    ['an error of the language', new TypeError('x is not a function')],
    ['an error with the status of a library', Object.assign(new Error('upstream'), { statusCode: 404 })],
    ['a text', 'password: hunter2'],
    ['an object', { status: 400, message: 'not an Error' }],
    ['nothing', undefined],
    ['null', null],
  ])('otherwise, as %s, is INTERNAL_ERROR', (_, thrown) => {
    const error = toServiceError(thrown);
    expect(error).toMatchObject({ code: 'INTERNAL_ERROR', detail: 'Something went wrong on our side.' });
    expect(error.cause).toBe(thrown);
  });

  it.each([new NotFoundException('Cannot GET /secret'), expressError(400), new Error('secret')])(
    'by others never speaks to the caller: %s',
    (thrown) => {
      expect(toServiceError(thrown).detail).not.toContain('secret');
    },
  );
});
