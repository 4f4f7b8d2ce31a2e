import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { classifyFailure, STORAGE_CODES } from '../../src/outbound/classify-failure.js';
import type { ServiceError } from '../../src/errors/service-error.js';
import { causesOf } from '../../src/errors/error-causes.js';
import { ChainCredentials } from '../../src/storage/drivers/s3/s3-credentials.js';
import { bodyOf, bodyOfBytes, describedFile, MIB, randomSource, wholeBody } from '../support/file-bodies.js';
import { endedRangedBody } from '../support/ranged-bodies.js';
import { DOUBLE_IDENTITY } from '../support/s3-double/s3-double.js';
import { filesIn, LIMITS, PART_BYTES, s3ElementFixture } from './s3-element-fixture.js';

const never = new AbortController().signal;

async function failureOf(work: Promise<unknown>): Promise<ServiceError> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: ServiceError) => error,
  );
}

/** All that an operator reads of it. */
function textOf(error: unknown): string {
  return causesOf(error).map(String).join(' <- ');
}

const FAILED = { verdict: 'failure', retry: 'again' };
const BUSY = { verdict: 'neutral', retry: 'again', busy: true };
const NO_ROOM = { verdict: 'failure', retry: 'elsewhere' };

describe('S3StorageElement and a refusal', () => {
  const s3 = s3ElementFixture();

  it.each([
    [403, 'AccessDenied', 'STORAGE_FAILED', { verdict: 'neutral', once: true }],
    [403, 'SignatureDoesNotMatch', 'STORAGE_FAILED', { verdict: 'neutral', once: true }],
    [404, 'NoSuchBucket', 'STORAGE_FAILED', FAILED],
    [503, 'SlowDown', 'STORAGE_FAILED', BUSY],
    [429, 'TooManyRequests', 'STORAGE_FAILED', BUSY],
    [503, 'ServiceUnavailable', 'STORAGE_FAILED', FAILED],
    [500, 'InternalError', 'STORAGE_FAILED', { ...FAILED, mayHaveSucceeded: true }],
    [400, 'RequestTimeout', 'STORAGE_FAILED', { verdict: 'neutral', retry: 'again' }],
    [400, 'InvalidArgument', 'STORAGE_FAILED', { verdict: 'neutral', retry: 'elsewhere' }],
    [400, 'EntityTooLarge', 'STORAGE_FULL', NO_ROOM],
    [403, 'QuotaExceeded', 'STORAGE_FULL', NO_ROOM],
    [507, 'XMinioStorageFull', 'STORAGE_FULL', NO_ROOM],
    [301, 'PermanentRedirect', 'STORAGE_FAILED', FAILED],
    [307, 'TemporaryRedirect', 'STORAGE_FAILED', FAILED],
  ])('of %i %s tells what it is', async (status, code, expected, kind) => {
    const element = s3.elementWith();
    await element.put(describedFile(), bodyOfBytes('x'), never);
    s3.double.faults.push({ on: 'PutObject', does: { kind: 'answer', status, code } });
    const error = await failureOf(element.put(describedFile(), wholeBody('hello'), never));
    expect(error.code).toBe(expected);
    expect(classifyFailure(error, STORAGE_CODES)).toMatchObject(kind);
    expect(textOf(error)).toContain(code);
    expect(filesIn(s3.double)).toHaveLength(1);
  });

  it('passes on when it is to be asked again', async () => {
    const element = s3.elementWith();
    await element.put(describedFile(), bodyOfBytes('x'), never);
    const headers = { 'retry-after': '7' };
    s3.double.faults.push({
      on: 'PutObject',
      does: { kind: 'answer', status: 503, code: 'SlowDown', headers },
    });
    const error = await failureOf(element.put(describedFile(), bodyOfBytes('hello'), never));
    expect(classifyFailure(error, STORAGE_CODES)).toMatchObject({ ...BUSY, retryAfterMs: 7000 });
  });

  it.each([
    [
      'an answer',
      {
        kind: 'answer',
        status: 301,
        code: 'PermanentRedirect',
        headers: { 'x-amz-bucket-region': 'eu-west-9' },
      },
    ],
  ] as const)('names the region where the bucket is, by %s', async (_what, does) => {
    s3.double.faults.push({ on: 'HeadBucket', does });
    expect(await s3.elementWith().health()).toEqual({
      up: false,
      reason: expect.stringContaining('"eu-west-9"'),
    });
  });

  it('names the region that the store expects', async () => {
    const element = s3.elementWith({ region: 'us-east-1' });
    const error = await failureOf(element.put(describedFile(), bodyOfBytes('x'), never));
    expect(textOf(error)).toContain(
      'The bucket is in the region "eu-test-1", not in "us-east-1" as configured',
    );
    expect(error.detail).not.toContain('eu-test-1');
  });

  it.each(['stat', 'remove'] as const)(
    'takes a bucket that is not there for no answer to %s',
    async (method) => {
      const element = s3.elementWith();
      s3.double.faults.push({
        on: 'HeadObject',
        does: { kind: 'answer', status: 403, code: 'AccessDenied' },
      });
      await expect(element[method](describedFile().fileId)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    },
  );

  it('stops sending a large part that is refused early, and reads why', async () => {
    const element = s3.elementWith({ concurrentParts: 1 });
    s3.double.faults.push({
      on: 'UploadPart',
      does: { kind: 'answer', status: 403, code: 'AccessDenied', early: true },
    });
    const ranged = await endedRangedBody(randomBytes(3 * PART_BYTES));
    expect(textOf(await failureOf(element.put(describedFile(), ranged.body, never)))).toContain(
      'AccessDenied',
    );
    expect(ranged.reading.now).toBe(0);
    await ranged.dispose();
  });

  it('is down where there is no such bucket, or it does not answer', async () => {
    const element = s3.elementWith({ bucket: 'another' });
    expect(await element.health()).toEqual({ up: false, reason: expect.stringContaining('404') });
    s3.double.faults.push({ on: 'HeadBucket', times: 9, does: { kind: 'stall' } });
    const late = s3.elementWith({}, { limits: { ...LIMITS, requestMs: 300 } });
    expect(await late.health()).toEqual({ up: false, reason: expect.stringContaining('in time') });
  });

  it('is late where the store says nothing to a whole file, which it may have', async () => {
    const element = s3.elementWith({}, { limits: { ...LIMITS, commitMs: 200 } });
    await element.put(describedFile(), bodyOfBytes('x'), never);
    s3.double.faults.push({ on: 'PutObject', does: { kind: 'hang' } });
    const file = describedFile();
    const error = await failureOf(element.put(file, wholeBody('hello'), never));
    expect(error.code).toBe('STORAGE_TIMEOUT');
    expect(classifyFailure(error, STORAGE_CODES)).toMatchObject({ mayHaveSucceeded: true });
    expect(await element.stat(file.fileId)).toMatchObject({ size: 5 });
  });

  it('is late where the store takes no bytes', async () => {
    // More than the buffers of a connection.
    const partSize = 12 * MIB;
    const element = s3.elementWith({ partSize }, { limits: { ...LIMITS, stallMs: 300 } });
    s3.double.faults.push({ on: 'UploadPart', times: 4, does: { kind: 'stall' } });
    const error = await failureOf(element.put(describedFile(), bodyOf(randomSource(partSize + 1)), never));
    expect([error.code, textOf(error)]).toEqual(['STORAGE_TIMEOUT', expect.stringContaining('"stall"')]);
  });
});

describe('S3StorageElement and who it is', () => {
  const s3 = s3ElementFixture();
  const stale = { ...DOUBLE_IDENTITY, accessKeyId: 'ASIAOLD', sessionToken: 'old token', hasEnded: true };
  const fresh = { accessKeyId: 'ASIANEW', secretAccessKey: 'another secret', sessionToken: 'new token' };

  it('reads credentials again that have ended, once for all requests', async () => {
    s3.double.options.identities = [stale, fresh];
    let looks = 0;
    const credentials = new ChainCredentials(() =>
      Promise.resolve((options) => {
        if (options?.forceRefresh) looks += 1;
        return Promise.resolve(looks > 0 ? fresh : stale);
      }),
    );
    const element = s3.elementWith({}, { credentials });
    const files = [describedFile(), describedFile(), describedFile()];
    await Promise.all(files.map((file) => element.put(file, bodyOfBytes('hello'), never)));
    expect(filesIn(s3.double)).toHaveLength(3);
    expect(looks).toBe(1);
  });

  it('says so where there are no others', async () => {
    s3.double.options.identities = [stale];
    const element = s3.elementWith({ credentials: stale });
    const error = await failureOf(element.put(describedFile(), bodyOfBytes('hello'), never));
    expect(textOf(error)).toContain('ExpiredToken');
    expect(s3.double.count('PutObject')).toBe(1);
  });

  it('fails where there are none, and does not wait for them when it is aborted', async () => {
    const none = new ChainCredentials(() =>
      Promise.resolve(() => Promise.reject(new Error('Could not load any'))),
    );
    const error = await failureOf(
      s3.elementWith({}, { credentials: none }).put(describedFile(), bodyOfBytes('x'), never),
    );
    expect([error.code, textOf(error)]).toEqual([
      'STORAGE_FAILED',
      expect.stringContaining('Could not load any'),
    ]);
    const slow = new ChainCredentials(() => new Promise(() => undefined));
    const controller = new AbortController();
    const put = s3
      .elementWith({}, { credentials: slow })
      .put(describedFile(), bodyOfBytes('x'), controller.signal);
    const reason = new Error('gone');
    controller.abort(reason);
    await expect(put).rejects.toBe(reason);
  });

  it.each([-3_600_000, 3_600_000])(
    'signs with the time of a store whose clock is %d ms before ours',
    async (offsetMs) => {
      s3.double.options.clockOffsetMs = offsetMs;
      const element = s3.elementWith();
      const file = describedFile();
      expect(await element.health()).toEqual({ up: true });
      await element.put(file, bodyOfBytes('hello'), never);
      expect(await element.stat(file.fileId)).toMatchObject({ size: 5 });
      expect(s3.double.requests.filter(({ status }) => status === 403)).toHaveLength(1);
    },
  );

  it('tells nobody its secrets', async () => {
    const secret = { accessKeyId: 'ASIAKNOWN', secretAccessKey: 'very secret', sessionToken: 'secret token' };
    s3.double.options.identities = [{ ...secret, secretAccessKey: 'another one' }];
    const error = await failureOf(
      s3.elementWith({ credentials: secret }).put(describedFile(), bodyOfBytes('x'), never),
    );
    const told = `${textOf(error)} ${JSON.stringify(error)} ${error.stack}`;
    expect(told).toContain('SignatureDoesNotMatch');
    expect(told).not.toMatch(/very secret|secret token/);
  });
});
