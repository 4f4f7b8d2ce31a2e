import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { filesIn, leftIn } from '../contract/s3-element-fixture.js';
import { type AcceptingService, type Json, sha256 } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import type { S3Double } from '../support/s3-double/s3-double.js';
import type { S3Fault } from '../support/s3-double/s3-faults.js';
import { StorageElementServer, type UploadFault } from '../support/storage-element-server.js';
import { alwaysFaults, bytesAt, MIB, onlyFileIn, putBytes, s3Entry, s3Stage } from './s3-stage.js';

const SMALL = randomBytes(1_000);
const LARGE = randomBytes(12 * MIB);
/** The second attempt is for the second element. */
const RETRIES = { STORAGE_RETRY_ATTEMPTS: '2', STORAGE_RETRY_BASE_MS: '1' };
const ASYNC = { prefer: 'respond-async' };

const SIZES: [string, Buffer][] = [
  ['small', SMALL],
  ['large', LARGE],
];

interface Pair {
  readonly bucket: S3Double;
  readonly http: StorageElementServer;
  readonly service: AcceptingService;
}

describe('a bucket beside a storage element', () => {
  const stage = s3Stage();

  /** Both take temporary files, the first one before the other. */
  async function start(first: 's3' | 'http', variables: Record<string, string> = {}): Promise<Pair> {
    const bucket = await stage.store();
    const http = await StorageElementServer.start();
    stage.later(() => http.close());
    const entries = [
      s3Entry(bucket, { priority: first === 's3' ? 1 : 2 }),
      { id: 'http', driver: 'http', url: http.url, mode: 'edit', priority: first === 'http' ? 1 : 2 },
    ];
    return { bucket, http, service: await stage.service(entries, { ...RETRIES, ...variables }) };
  }

  /** Once, at one of the two, and nothing is left of what was tried at the other. */
  async function expectOnce({ bucket, http }: Pair, at: 's3' | 'http', bytes: Buffer): Promise<void> {
    const digest = { size: bytes.length, sha256: sha256(bytes) };
    const stored = at === 's3' ? filesIn(bucket) : Array.from(http.files.values());
    expect(stored).toMatchObject([digest]);
    expect([filesIn(bucket).length, http.files.size]).toEqual(at === 's3' ? [1, 0] : [0, 1]);
    await eventually(() => Promise.resolve(expect(leftIn(bucket)).toEqual([])));
  }

  async function expectActive({ service }: Pair, id: string, bytes: Buffer): Promise<void> {
    const receipt = await (await service.call(`/api/v1/files/${id}`)).json();
    expect(receipt).toMatchObject({ status: 'active', file_id: id, size: bytes.length });
  }

  const faults: [string, S3Fault['does']][] = [
    ['is busy', { kind: 'answer', status: 503, code: 'SlowDown' }],
    ['is not there', { kind: 'answer', status: 404, code: 'NoSuchBucket' }],
    ['refuses access', { kind: 'answer', status: 403, code: 'AccessDenied' }],
    ['refuses access before it has read anything', { kind: 'answer', status: 403, code: 'x', early: true }],
  ];
  const failures = faults.flatMap(([name, does]) =>
    SIZES.map(([size, bytes]): [string, string, S3Fault['does'], Buffer] => [name, size, does, bytes]),
  );

  it.each(failures)('leaves the file to it where it %s: %s', async (_, __, does, bytes) => {
    const pair = await start('s3');
    pair.bucket.faults.push(...alwaysFaults(does));
    const id = randomUUID();
    expect((await putBytes(pair.service, id, bytes)).status).toBe(201);
    await expectOnce(pair, 'http', bytes);
    pair.bucket.faults.length = 0;
    await expectActive(pair, id, bytes);
  });

  it.each([
    ['refused', 507, 'QuotaExceeded'],
    ['lost', 500, 'InternalError'],
  ])(
    'leaves the file to it where one of its parts is %s, and takes back the others',
    async (_, status, code) => {
      const pair = await start('s3');
      pair.bucket.faults.push({
        on: 'UploadPart',
        partNumber: 2,
        times: Infinity,
        does: { kind: 'answer', status, code },
      });
      const id = randomUUID();
      expect((await putBytes(pair.service, id, LARGE)).status).toBe(201);
      expect(pair.bucket.count('CreateMultipartUpload')).toBe(1);
      await expectOnce(pair, 'http', LARGE);
      await expectActive(pair, id, LARGE);
    },
  );

  const refusals: [string, UploadFault][] = [
    ['is full', { kind: 'answer', status: 507 }],
    ['is busy from the beginning', { kind: 'answer', status: 503, afterBytes: 100 }],
    ['breaks the connection off', { kind: 'reset', afterBytes: 500 }],
  ];
  const others = refusals.flatMap(([name, fault]) =>
    SIZES.map(([size, bytes]): [string, string, UploadFault, Buffer] => [name, size, fault, bytes]),
  );

  it.each(others)('takes the file where that one %s: %s', async (_, __, fault, bytes) => {
    const pair = await start('http');
    pair.http.options.fault = fault;
    const id = randomUUID();
    expect((await putBytes(pair.service, id, bytes)).status).toBe(201);
    await expectOnce(pair, 's3', bytes);
    await expectActive(pair, id, bytes);
  });

  it.each(SIZES)('takes the file where nobody listens at that one: %s', async (_, bytes) => {
    const pair = await start('http');
    await pair.http.close();
    const id = randomUUID();
    expect((await putBytes(pair.service, id, bytes)).status).toBe(201);
    await expectOnce(pair, 's3', bytes);
  });

  it('is not taken to have lost a file while its bucket is away', async () => {
    const pair = await start('s3');
    const id = randomUUID();
    expect((await putBytes(pair.service, id, SMALL)).status).toBe(201);
    pair.bucket.faults.push(...alwaysFaults({ kind: 'answer', status: 404, code: 'NoSuchBucket' }));
    const receipt = await pair.service.call(`/api/v1/files/${id}`);
    expect([receipt.status, await receipt.json()]).toMatchObject([503, { retryable: true }]);
    pair.bucket.faults.length = 0;
    await expectActive(pair, id, SMALL);
  });

  it('delivers a file that was accepted to the one that takes it', async () => {
    const pair = await start('s3');
    pair.bucket.faults.push(...alwaysFaults({ kind: 'answer', status: 403, code: 'AccessDenied' }));
    pair.http.options.fault = { kind: 'answer', status: 507 };
    const answer = await pair.service.post(LARGE, ASYNC);
    const { upload_id: id } = (await answer.json()) as Json;
    expect(answer.status).toBe(202);
    await eventually(() => Promise.resolve(expect(pair.http.uploads.length).toBeGreaterThan(1)));
    pair.http.options.fault = undefined;
    expect(await pair.service.untilStatus(id, 'active')).toMatchObject({ file_id: id });
    await expectOnce(pair, 'http', LARGE);
  });

  const beforeTheOrder: [string, S3Fault['does']][] = [
    ['lost', { kind: 'answer', status: 500, code: 'InternalError' }],
    ['put off', { kind: 'answer', status: 503, code: 'SlowDown' }],
    ['cut off', { kind: 'cut', when: 'after' }],
  ];

  it.each(beforeTheOrder)('takes a file at once of which a part was %s: accepted', async (_, does) => {
    const pair = await start('s3', { DELIVERY_BACKOFF_BASE_MS: '600000', DELIVERY_BACKOFF_MAX_MS: '600000' });
    pair.bucket.faults.push({ on: 'UploadPart', partNumber: 3, times: Infinity, does });
    const { upload_id: id } = (await (await pair.service.post(LARGE, ASYNC)).json()) as Json;
    expect(await pair.service.untilStatus(id, 'active')).toMatchObject({ file_id: id });
    await expectOnce(pair, 'http', LARGE);
  });

  it.each(beforeTheOrder)('takes a file at once of which a part was %s: on its way', async (_, does) => {
    const pair = await start('s3');
    pair.bucket.faults.push({ on: 'UploadPart', partNumber: 3, times: Infinity, does });
    expect((await pair.service.post(LARGE)).status).toBe(201);
    expect(pair.bucket.count('HeadObject')).toBe(0);
    await expectOnce(pair, 'http', LARGE);
  });

  it('delivers a file that was accepted past a bucket whose circuit has opened over a part', async () => {
    const pair = await start('s3', { STORAGE_CIRCUIT_FAILURE_THRESHOLD: '2' });
    const does = { kind: 'answer', status: 500, code: 'InternalError' } as const;
    pair.bucket.faults.push({ on: 'UploadPart', partNumber: 3, times: Infinity, does });
    const answer = await pair.service.post(LARGE, ASYNC);
    const { upload_id: id } = (await answer.json()) as Json;
    expect(answer.status).toBe(202);
    expect(await pair.service.untilStatus(id, 'active')).toMatchObject({ file_id: id });
    expect([filesIn(pair.bucket), pair.http.files.size]).toEqual([[], 1]);
    expect(pair.http.files.get(String(id))).toMatchObject({ size: LARGE.length, sha256: sha256(LARGE) });
    await eventually(() => Promise.resolve(expect(leftIn(pair.bucket)).toEqual([])));
  });
});

describe('a bucket that cannot be reached', () => {
  const stage = s3Stage();

  async function start(): Promise<{ bucket: S3Double; service: AcceptingService }> {
    const bucket = await stage.store();
    return { bucket, service: await stage.service([s3Entry(bucket)]) };
  }

  async function expectDelivered(bucket: S3Double, receipt: Json, bytes: Buffer): Promise<void> {
    const digest = { size: bytes.length, sha256: sha256(bytes) };
    expect(receipt).toMatchObject({ status: 'active', file_id: receipt.upload_id, size: bytes.length });
    expect(onlyFileIn(bucket)).toEqual(digest);
    expect(bytesAt(bucket, String(receipt.file_id))?.equals(bytes)).toBe(true);
    await eventually(() => Promise.resolve(expect(leftIn(bucket)).toEqual([])));
  }

  it.each(SIZES)('has the file once it is back: %s', async (_, bytes) => {
    const { bucket, service } = await start();
    await bucket.close();
    const answer = await service.post(bytes);
    const accepted = (await answer.json()) as Json;
    expect([answer.status, accepted]).toMatchObject([202, { file_id: null, size: bytes.length }]);
    await bucket.comeBack();
    await expectDelivered(bucket, await service.untilStatus(accepted.upload_id, 'active'), bytes);
  });

  it.each(SIZES)('has the file once it does more than to fail: %s', async (_, bytes) => {
    const { bucket, service } = await start();
    bucket.faults.push(...alwaysFaults({ kind: 'answer', status: 500, code: 'InternalError' }));
    const id = randomUUID();
    expect((await putBytes(service, id, bytes)).status).toBe(202);
    // Once more by PUT: the promise stands.
    expect((await putBytes(service, id, bytes)).status).toBe(202);
    bucket.faults.length = 0;
    await expectDelivered(bucket, await service.untilStatus(id, 'active'), bytes);
    expect((await putBytes(service, id, bytes)).status).toBe(200);
    await expectDelivered(bucket, await service.untilStatus(id, 'active'), bytes);
  });

  it('has a file once whose upload it broke off in the middle', async () => {
    const { bucket, service } = await start();
    bucket.faults.push({ on: 'UploadPart', partNumber: 2, times: 3, does: { kind: 'cut', when: 'before' } });
    const answer = await service.post(LARGE);
    const { upload_id: id } = (await answer.json()) as Json;
    expect(answer.status).toBe(202);
    await expectDelivered(bucket, await service.untilStatus(id, 'active'), LARGE);
    expect(bucket.count('CreateMultipartUpload')).toBe(2);
  });
});
