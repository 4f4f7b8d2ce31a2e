import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { errors } from 'undici';
import { ERROR_CATALOGUE, type ErrorCode } from '../errors/catalogue.js';
import { ServiceError } from '../errors/service-error.js';
import { ADMIN_CODES, classifyFailure, STORAGE_CODES } from './classify-failure.js';
import type { FailureKind } from './outcome.js';
import { type FailureMarks, TargetFailure } from './target-failure.js';

const FAILED: FailureKind = { verdict: 'failure', retry: 'again' };
const NOT_REACHED: FailureKind = { ...FAILED, nothingSent: true };
const ELSEWHERE: FailureKind = { verdict: 'failure', retry: 'elsewhere' };
const NEUTRAL: FailureKind = { verdict: 'neutral', retry: 'never' };

function coded(code: string, members: object = {}): Error {
  return Object.assign(new Error(code), { code, ...members });
}

function storage(cause?: unknown, code: ErrorCode = 'STORAGE_FAILED'): FailureKind {
  return classifyFailure(new ServiceError(code, 'It failed.', { cause }), STORAGE_CODES);
}

/** What an element answered, as its driver reports it. */
function answered(statusCode: number, marks: FailureMarks = {}): FailureKind {
  return storage(new TargetFailure('answered', { statusCode, ...marks }));
}

describe('classifyFailure', () => {
  describe('takes for the fault of the target, and another try for useful,', () => {
    it.each([
      'ECONNREFUSED',
      'ENOTFOUND',
      'EAI_AGAIN',
      'UND_ERR_CONNECT_TIMEOUT',
      'CERT_HAS_EXPIRED',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ])('%s, with nothing sent', (code) => {
      expect(storage(coded(code))).toEqual(NOT_REACHED);
      expect(classifyFailure(coded(code))).toEqual(NOT_REACHED);
    });

    it.each(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET'])(
      '%s, with nothing sent only while connecting',
      (code) => {
        expect(storage(coded(code, { syscall: 'connect' }))).toEqual(NOT_REACHED);
        expect(storage(coded(code, { syscall: 'read' }))).toEqual(FAILED);
        expect(storage(coded(code))).toEqual(FAILED);
      },
    );

    it('every address of a name that failed', () => {
      const failures = [coded('ETIMEDOUT', { syscall: 'connect' }), coded('ECONNREFUSED')];
      const error = Object.assign(new AggregateError(failures), { code: 'ETIMEDOUT' });
      expect(storage(error)).toEqual(NOT_REACHED);
    });

    it.each([
      'ECONNRESET',
      'EPIPE',
      'ECONNABORTED',
      'EPROTO',
      'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR',
      'ERR_TLS_HANDSHAKE_TIMEOUT',
      'HPE_INVALID_CONSTANT',
    ])('%s', (code) => {
      expect(storage(coded(code))).toEqual(FAILED);
      expect(classifyFailure(coded(code))).toEqual(FAILED);
    });

    it.each([
      ['SocketError', new errors.SocketError('other side closed')],
      ['HeadersTimeoutError', new errors.HeadersTimeoutError()],
      ['BodyTimeoutError', new errors.BodyTimeoutError()],
      ['ResponseExceededMaxSizeError', new errors.ResponseExceededMaxSizeError('too large')],
      ['HTTPParserError', new errors.HTTPParserError('bad')],
      ['ResponseContentLengthMismatchError', new errors.ResponseContentLengthMismatchError()],
      ['HeadersOverflowError', new errors.HeadersOverflowError()],
      ['InformationalError', new errors.InformationalError('reset')],
      ['DOMException', new DOMException('too late', 'TimeoutError')],
    ])('%s', (_name, error) => {
      expect(storage(error)).toEqual(FAILED);
      expect(classifyFailure(error)).toEqual(FAILED);
    });

    it.each([500, 501, 502, 503, 504, 505, 599])('the answer %i', (statusCode) => {
      expect(answered(statusCode)).toEqual(FAILED);
    });

    it('a timeout that the driver found out by itself', () => {
      expect(storage(undefined, 'STORAGE_TIMEOUT')).toEqual(FAILED);
    });

    it('an acknowledged size or digest that differs', () => {
      expect(storage(new Error('size 4 instead of 5'))).toEqual(FAILED);
    });

    it('a success that cannot be understood, which may be one', () => {
      expect(answered(201)).toEqual({ ...FAILED, mayHaveSucceeded: true });
    });

    it('what lies behind an error without a code', () => {
      const fetchFailed = new TypeError('fetch failed', { cause: coded('ECONNREFUSED') });
      expect(classifyFailure(fetchFailed)).toEqual(NOT_REACHED);
    });
  });

  describe('asks first what may have succeeded:', () => {
    it.each([
      ['a reset', coded('ECONNRESET')],
      ['an early close', new errors.SocketError('other side closed')],
      ['silence', undefined],
    ])('%s after the last byte', (_what, cause) => {
      const lost = new TargetFailure('lost', { bodySent: true }, { cause });
      expect(storage(lost)).toEqual({ ...FAILED, mayHaveSucceeded: true });
      expect(storage(lost, 'STORAGE_TIMEOUT')).toEqual({ ...FAILED, mayHaveSucceeded: true });
    });

    it.each([500, 502, 504])(
      'the answer %i after the last byte, which a gateway may have made up',
      (status) => {
        expect(answered(status, { bodySent: true })).toEqual({ ...FAILED, mayHaveSucceeded: true });
        expect(answered(status, { bodySent: false })).toEqual(FAILED);
      },
    );

    it.each([429, 503])('the answer %i after the last byte, of a target that asks for rest', (status) => {
      const busy = { verdict: 'neutral', retry: 'again', busy: true, retryAfterMs: 5000 };
      const bodySent = { retryAfterMs: 5000, bodySent: true };
      expect(answered(status, bodySent)).toEqual({ ...busy, mayHaveSucceeded: true });
      expect(answered(status, { retryAfterMs: 5000, bodySent: false })).toEqual(busy);
    });

    it('but not what was lost on the way to something that was never asked for', () => {
      const part = new TargetFailure('lost', { bodySent: true, statusCode: 500 });
      expect(storage(new TargetFailure('not ordered', { bodySent: false }, { cause: part }))).toEqual(FAILED);
    });

    it('but not what was refused, is full or never got there', () => {
      expect(answered(409, { bodySent: true })).not.toHaveProperty('mayHaveSucceeded');
      expect(answered(507, { bodySent: true })).not.toHaveProperty('mayHaveSucceeded');
      const refused = new TargetFailure('lost', { bodySent: true }, { cause: coded('ECONNREFUSED') });
      expect(storage(refused)).toEqual(NOT_REACHED);
    });
  });

  it.each(['EMFILE', 'ENFILE'])('takes %s for a want of ours, which says nothing of the target', (code) => {
    expect(storage(coded(code))).toEqual({ verdict: 'neutral', retry: 'again' });
    const connecting = Object.assign(coded(code), { syscall: 'connect' });
    expect(storage(connecting)).toEqual({ verdict: 'neutral', retry: 'again', nothingSent: true });
  });

  describe('takes for a case for the next target', () => {
    it('a target that is full', () => {
      expect(answered(507)).toEqual(ELSEWHERE);
      expect(storage(undefined, 'STORAGE_FULL')).toEqual(ELSEWHERE);
      const saysFull = new TargetFailure('answered', { statusCode: 500 });
      expect(storage(saysFull, 'STORAGE_FULL')).toEqual(ELSEWHERE);
    });

    it.each(['ENOSPC', 'EDQUOT', 'EROFS'])('a disk with %s', (code) => {
      expect(storage(coded(code))).toEqual(ELSEWHERE);
    });

    it.each([400, 409])('a storage element in another mode, which answers %i and is alive', (statusCode) => {
      expect(answered(statusCode)).toEqual({ verdict: 'neutral', retry: 'elsewhere' });
    });

    it.each(['CIRCUIT_OPEN', 'BULKHEAD_FULL'] as const)('%s, which its breaker does not see', (code) => {
      const kind = classifyFailure(new ServiceError(code, 'No.', { retryAfterMs: 5 }), STORAGE_CODES);
      expect(kind).toEqual({ verdict: 'neutral', retry: 'elsewhere', nothingSent: true });
    });
  });

  describe('takes for a sign of life', () => {
    it.each([404, 412, 413, 415, 422, 304, 405, 410, 418])(
      'the answer %i, which no try makes better',
      (status) => {
        expect(answered(status)).toEqual(NEUTRAL);
      },
    );

    it.each([408, 425])('the answer %i, which asks for the same again', (statusCode) => {
      expect(answered(statusCode)).toEqual({ verdict: 'neutral', retry: 'again' });
      expect(answered(statusCode, { bodySent: true })).toEqual({ verdict: 'neutral', retry: 'again' });
    });

    it.each([429, 503])('the answer %i with Retry-After, and waits for it', (statusCode) => {
      expect(answered(statusCode, { retryAfterMs: 5000 })).toEqual({
        verdict: 'neutral',
        retry: 'again',
        busy: true,
        retryAfterMs: 5000,
      });
    });

    it('the answer 429 without Retry-After', () => {
      expect(answered(429)).toEqual({ verdict: 'neutral', retry: 'again', busy: true });
    });

    it.each([401, 403])('the answer %i, worth one more try with a new token', (statusCode) => {
      expect(answered(statusCode)).toEqual({ verdict: 'neutral', retry: 'again', once: true });
    });
  });

  describe('leaves alone', () => {
    const foreign = (Object.keys(ERROR_CATALOGUE) as ErrorCode[]).filter(
      (code) => !STORAGE_CODES.includes(code) && !['CIRCUIT_OPEN', 'BULKHEAD_FULL'].includes(code),
    );

    it.each(foreign)('a storage element for %s, which is not its fault', (code) => {
      const error = new ServiceError(code, 'No.', { cause: coded('ECONNRESET') });
      expect(classifyFailure(error, STORAGE_CODES)).toEqual(NEUTRAL);
    });

    it.each([
      'UND_ERR_ABORTED',
      'UND_ERR_DESTROYED',
      'UND_ERR_CLOSED',
      'UND_ERR_INVALID_ARG',
      'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
      'ERR_INVALID_ARG_TYPE',
      'ABORT_ERR',
    ])('a target for %s, which is our own doing', (code) => {
      expect(storage(coded(code))).toEqual(NEUTRAL);
      expect(classifyFailure(coded(code))).toEqual(NEUTRAL);
    });

    it('a target for an abort', () => {
      expect(classifyFailure(AbortSignal.abort().reason)).toEqual(NEUTRAL);
      expect(storage(AbortSignal.abort().reason)).toEqual(NEUTRAL);
    });

    it.each([TypeError, RangeError, ReferenceError])('a target for a programming error: %p', (Wrong) => {
      const error = new Wrong('x');
      expect(classifyFailure(error)).toEqual(NEUTRAL);
      expect(storage(error)).toEqual(NEUTRAL);
    });

    it('a target for a programming error of another realm', () => {
      expect(storage(runInNewContext('new TypeError("x")'))).toEqual(NEUTRAL);
    });

    it.each([new Error('what?'), 'a text', undefined, null, 42, {}, { code: 7 }])(
      'a target for what nobody knows: %p',
      (thrown) => {
        expect(classifyFailure(thrown, STORAGE_CODES)).toEqual(NEUTRAL);
      },
    );
  });

  it('blames each dependency for its own codes only', () => {
    const noToken = new ServiceError('ADMIN_UNAVAILABLE', 'No.', { cause: coded('ECONNREFUSED') });
    expect(classifyFailure(noToken, ADMIN_CODES)).toEqual(NOT_REACHED);
    expect(classifyFailure(noToken, STORAGE_CODES)).toEqual(NEUTRAL);
  });

  it('bears causes that go in a circle', () => {
    const first = new Error('first');
    first.cause = new Error('second', { cause: first });
    expect(classifyFailure(first)).toEqual(NEUTRAL);
  });
});
