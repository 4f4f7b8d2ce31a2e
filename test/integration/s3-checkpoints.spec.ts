import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { filesIn, leftIn } from '../contract/s3-element-fixture.js';
import {
  type AcceptingService,
  EMBEDDED,
  type Json,
  onPostgres,
  sha256,
} from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import type { S3Double } from '../support/s3-double/s3-double.js';
import type { S3Fault } from '../support/s3-double/s3-faults.js';
import { bytesAt, MIB, onlyFileIn, partsSent, s3Entry, s3Stage } from './s3-stage.js';

/** Of four parts. */
const LARGE = randomBytes(17 * MIB);
const ASYNC = { prefer: 'respond-async' };

const BACKENDS: [string, () => Promise<{ DATABASE_URL: string }>][] = [
  ['SQLite', () => Promise.resolve(EMBEDDED)],
  ['PostgreSQL', onPostgres],
];

describe('a delivery to a bucket that stops in the middle of its parts', () => {
  const stage = s3Stage();

  interface Started {
    readonly double: S3Double;
    readonly service: AcceptingService;
    readonly uploadId: string;
    /** Starts the service anew with all that it has kept, after its application was closed. */
    again(variables?: Record<string, string>): Promise<AcceptingService>;
  }

  /** Has a file accepted whose parts from the third on come to grief. */
  async function start(does: S3Fault['does'], database: Record<string, string> = EMBEDDED): Promise<Started> {
    const double = await stage.store();
    for (const partNumber of [3, 4])
      double.faults.push({ on: 'UploadPart', partNumber, times: Infinity, does });
    const service = await stage.service([s3Entry(double)], database);
    const answer = await service.post(LARGE, ASYNC);
    expect(answer.status).toBe(202);
    const { upload_id: uploadId } = (await answer.json()) as Json;
    const { dataDir } = service.running;
    const again: Started['again'] = (variables = {}) =>
      stage.service([s3Entry(double)], { ...database, DATA_DIR: dataDir, ...variables });
    return { double, service, uploadId: String(uploadId), again };
  }

  /** The first two parts are there, and something has been tried with the others. */
  async function untilHalfStored(double: S3Double, tried: readonly number[]): Promise<void> {
    await eventually(() => {
      const stored = Array.from(double.bucket.uploads.values(), ({ parts }) => new Set(parts.keys()));
      expect([stored, new Set(partsSent(double))]).toEqual([[new Set([1, 2])], new Set([1, 2, ...tried])]);
      return Promise.resolve();
    });
  }

  /** The bucket does what it is asked to from now on; what it was asked before is forgotten. */
  function mend(double: S3Double): void {
    double.faults.length = 0;
    double.requests.length = 0;
  }

  async function expectResumed(
    { double, uploadId }: Started,
    service: AcceptingService,
    parts: readonly number[],
  ): Promise<void> {
    const receipt = await service.untilStatus(uploadId, 'active');
    expect(receipt).toMatchObject({ file_id: uploadId, size: LARGE.length });
    expect(double.count('CreateMultipartUpload')).toBe(0);
    expect(new Set(partsSent(double))).toEqual(new Set(parts));
    expect(onlyFileIn(double)).toEqual({ size: LARGE.length, sha256: sha256(LARGE) });
    await eventually(() => Promise.resolve(expect(leftIn(double)).toEqual([])));
    // It goes once the end of its task is written down, which may be after the receipt says so.
    await eventually(async () => expect(await service.spooled()).toEqual([]));
  }

  it.each(BACKENDS)('goes on in the next process: %s', async (_, database) => {
    const started = await start({ kind: 'stall' }, await database());
    const { double, service } = started;
    await untilHalfStored(double, [3, 4]);
    expect(double.count('CreateMultipartUpload')).toBe(1);
    await service.running.app.close();
    mend(double);
    await expectResumed(started, await started.again(), [3, 4]);
  });

  it('goes on with what a connection that was cut has left', async () => {
    const started = await start({ kind: 'cut', when: 'before' });
    await untilHalfStored(started.double, [3, 4]);
    await eventually(() => Promise.resolve(expect(started.double.count('ListParts')).toBeGreaterThan(1)));
    expect(started.double.count('CreateMultipartUpload')).toBe(1);
    mend(started.double);
    await expectResumed(started, started.service, [3, 4]);
  });

  it('goes on with the parts as large as they were, where they are larger by now', async () => {
    const started = await start({ kind: 'stall' });
    const { double, service } = started;
    await untilHalfStored(double, [3, 4]);
    await service.running.app.close();
    mend(double);
    const STORAGE_ELEMENTS = JSON.stringify([s3Entry(double, { partSize: 8 * MIB })]);
    await expectResumed(started, await started.again({ STORAGE_ELEMENTS }), [3, 4]);
  });

  it('begins anew where the bucket has lost its parts', async () => {
    const started = await start({ kind: 'stall' });
    const { double, service, uploadId } = started;
    await untilHalfStored(double, [3, 4]);
    await service.running.app.close();
    mend(double);
    double.bucket.uploads.clear();
    await (await started.again()).untilStatus(uploadId, 'active');
    expect([double.count('CreateMultipartUpload'), partsSent(double)]).toEqual([1, [1, 2, 3, 4]]);
    expect(onlyFileIn(double)).toEqual({ size: LARGE.length, sha256: sha256(LARGE) });
  });

  it('stores the file once where the answer to the last order was lost', async () => {
    const double = await stage.store();
    double.faults.push({ on: 'CompleteMultipartUpload', times: 1, does: { kind: 'hang' } });
    const service = await stage.service([s3Entry(double)]);
    const { upload_id: uploadId } = (await (await service.post(LARGE, ASYNC)).json()) as Json;
    await eventually(() => Promise.resolve(expect(bytesAt(double, String(uploadId))).toBeDefined()));
    const { dataDir } = service.running;
    await service.running.app.close();
    mend(double);
    const next = await stage.service([s3Entry(double)], { DATA_DIR: dataDir });
    expect(await next.untilStatus(uploadId, 'active')).toMatchObject({ file_id: uploadId });
    expect([double.count('CreateMultipartUpload'), partsSent(double)]).toEqual([0, []]);
    expect(onlyFileIn(double)).toEqual({ size: LARGE.length, sha256: sha256(LARGE) });
    expect(leftIn(double)).toEqual([]);
  });

  it('stores nothing once its owner wants the file no more', async () => {
    const { double, service, uploadId } = await start({ kind: 'stall' });
    await untilHalfStored(double, [3, 4]);
    const path = `/api/v1/files/${uploadId}`;
    expect((await service.call(path, { method: 'DELETE' })).ok).toBe(true);
    mend(double);
    await service.untilStatus(uploadId, 'cancelled');
    await eventually(async () => expect(await service.spooled()).toEqual([]));
    expect([filesIn(double), partsSent(double)]).toEqual([[], []]);
    await eventually(() => Promise.resolve(expect(leftIn(double)).toEqual([])));
  });
});
