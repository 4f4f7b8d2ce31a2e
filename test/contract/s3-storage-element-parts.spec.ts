import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { mayBeStored } from '../../src/delivery/worker/attempt-account.js';
import { classifyFailure, STORAGE_CODES } from '../../src/outbound/classify-failure.js';
import { bodySentOf } from '../../src/outbound/target-failure.js';
import { bodyInHand, bodyOfBytes, describedFile } from '../support/file-bodies.js';
import { endedRangedBody, rangedBody } from '../support/ranged-bodies.js';
import { eventually } from '../support/eventually.js';
import { SlowDisk } from '../support/spooled-bodies.js';
import { filesIn, leftIn, LIMITS, PART_BYTES, s3ElementFixture } from './s3-element-fixture.js';

const never = new AbortController().signal;

describe('S3StorageElement with a file in parts', () => {
  const s3 = s3ElementFixture();

  const partsSent = (): number[] =>
    s3.double.requests
      .filter(({ operation, status }) => operation === 'UploadPart' && status === 200)
      .map(({ partNumber = 0 }) => partNumber)
      .toSorted((one, other) => one - other);

  it.each([
    ['of one byte less than a part', PART_BYTES - 1, 0],
    ['of just a part', PART_BYTES, 0],
    ['of one byte more', PART_BYTES + 1, 2],
    ['of just three parts', 3 * PART_BYTES, 3],
    ['of three and a bit', 3 * PART_BYTES + 17, 4],
  ])('stores one %s', async (_what, size, parts) => {
    const bytes = randomBytes(size);
    const ranged = await endedRangedBody(bytes);
    const element = s3.elementWith();
    const file = describedFile();
    const stored = await element.put(file, ranged.body, never);
    expect(stored).toMatchObject({ size, sha256: ranged.body.digest().sha256 });
    expect(await element.stat(file.fileId)).toEqual(stored);
    expect(s3.double.bucket.objects.get(`in/here/${file.fileId}`)?.bytes.equals(bytes)).toBe(true);
    expect(partsSent()).toHaveLength(parts);
    expect(leftIn(s3.double)).toEqual([]);
    await ranged.dispose();
  });

  it('sends parts while the body comes, and makes the file only when it was found good', async () => {
    const ranged = rangedBody();
    const put = s3.elementWith().put(describedFile(), ranged.body, never);
    for (let part = 0; part < 3; part += 1) await ranged.write(randomBytes(PART_BYTES));
    await ranged.write(randomBytes(10));
    await eventually(async () => {
      expect(partsSent()).toEqual([1, 2, 3]);
    });
    expect(s3.double.count('CompleteMultipartUpload')).toBe(0);
    expect(filesIn(s3.double)).toEqual([]);
    ranged.end();
    expect(await put).toMatchObject({ size: 3 * PART_BYTES + 10 });
    expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
    await ranged.dispose();
  });

  it('sends as many parts at a time as it may, and holds none of them', async () => {
    const release = Promise.withResolvers<void>();
    s3.double.faults.push({ on: 'UploadPart', times: 3, does: { kind: 'wait', until: release.promise } });
    const ranged = await endedRangedBody(randomBytes(9 * PART_BYTES));
    const put = s3.elementWith({ concurrentParts: 3 }).put(describedFile(), ranged.body, never);
    await eventually(async () => {
      expect(s3.double.count('UploadPart')).toBe(3);
    });
    await setTimeout(100);
    expect(s3.double.count('UploadPart')).toBe(3);
    release.resolve();
    await put;
    expect(ranged.reading.most).toBeLessThanOrEqual(3);
    expect(ranged.reading.now).toBe(0);
    expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
    await ranged.dispose();
  });

  it('reads little further than the store takes, and waits for it', async () => {
    const release = Promise.withResolvers<void>();
    s3.double.faults.push({ on: 'UploadPart', times: 2, does: { kind: 'wait', until: release.promise } });
    const ranged = await endedRangedBody(randomBytes(12 * PART_BYTES));
    let read = 0;
    ranged.body.stream.on('data', ({ length }: Buffer) => (read += length)).pause();
    const put = s3.elementWith({ concurrentParts: 2 }).put(describedFile(), ranged.body, never);
    await eventually(async () => {
      expect(s3.double.count('UploadPart')).toBe(2);
    });
    await setTimeout(100);
    // What is being sent, and the block that was read ahead.
    expect(read).toBeLessThan(2 * PART_BYTES + 400 * 1024);
    release.resolve();
    await put;
    await ranged.dispose();
  });

  it('holds one part at a time of a body that cannot be read twice', async () => {
    const release = Promise.withResolvers<void>();
    s3.double.faults.push({ on: 'UploadPart', does: { kind: 'wait', until: release.promise } });
    const { source, body } = bodyInHand();
    const put = s3.elementWith().put(describedFile(), body, never);
    const bytes = randomBytes(4 * PART_BYTES);
    source.end(bytes);
    await eventually(async () => {
      expect(s3.double.count('UploadPart')).toBe(1);
    });
    await setTimeout(100);
    expect(s3.double.count('UploadPart')).toBe(1);
    release.resolve();
    expect(await put).toMatchObject({ size: bytes.length });
    expect(s3.double.mostPartsAtOnce).toBe(1);
  });

  it.each([
    ['500', { kind: 'answer', status: 500, code: 'InternalError' }],
    ['SlowDown', { kind: 'answer', status: 503, code: 'SlowDown' }],
    ['SlowDown before it has read the part', { kind: 'answer', status: 503, code: 'SlowDown', early: true }],
    ['400 RequestTimeout', { kind: 'answer', status: 400, code: 'RequestTimeout' }],
    ['a cut connection', { kind: 'cut', when: 'before' }],
    ['a cut connection once it has the part', { kind: 'cut', when: 'after' }],
  ] as const)('sends a part again after %s', async (_what, does) => {
    s3.double.faults.push({ on: 'UploadPart', partNumber: 2, does });
    const ranged = await endedRangedBody(randomBytes(3 * PART_BYTES));
    await s3.elementWith().put(describedFile(), ranged.body, never);
    expect(partsSent().filter((number) => number !== 2)).toEqual([1, 3]);
    expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
    await ranged.dispose();
  });

  it('gives up after three tries of a part, and leaves no parts', async () => {
    const fault = { kind: 'answer', status: 500, code: 'InternalError' } as const;
    s3.double.faults.push({ on: 'UploadPart', partNumber: 2, times: 9, does: fault });
    const ranged = await endedRangedBody(randomBytes(3 * PART_BYTES));
    const put = s3.elementWith().put(describedFile(), ranged.body, never);
    await expect(put).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(s3.double.requests.filter(({ partNumber }) => partNumber === 2)).toHaveLength(3);
    await eventually(async () => {
      expect(leftIn(s3.double)).toEqual([]);
      expect(s3.double.count('ListParts')).toBeGreaterThan(0);
    });
    expect(filesIn(s3.double)).toEqual([]);
    await ranged.dispose();
  });

  it.each([
    ['500', 'UploadPart', { kind: 'answer', status: 500, code: 'InternalError' }],
    ['SlowDown', 'UploadPart', { kind: 'answer', status: 503, code: 'SlowDown' }],
    ['a cut connection', 'UploadPart', { kind: 'cut', when: 'after' }],
    ['500 to the question whether there is one', 'HeadObject', { kind: 'answer', status: 500, code: '' }],
    ['500 to the order each time', 'CompleteMultipartUpload', { kind: 'answer', status: 500, code: 'x' }],
  ] as const)('has certainly made no file after %s', async (_what, on, does) => {
    s3.double.faults.push({ on, times: 3, does });
    const ranged = await endedRangedBody(randomBytes(2 * PART_BYTES));
    const put = s3.elementWith({ concurrentParts: 1 }).put(describedFile(), ranged.body, never);
    const error: unknown = await put.catch((failure: unknown) => failure);
    expect([classifyFailure(error, STORAGE_CODES).mayHaveSucceeded, bodySentOf(error)]).toEqual([
      undefined,
      false,
    ]);
    expect(mayBeStored(error, true)).toBe(false);
    await ranged.dispose();
  });

  it('may have made a file whose order was lost before it was refused', async () => {
    const on = 'CompleteMultipartUpload';
    s3.double.faults.push({ on, does: { kind: 'cut', when: 'before' } });
    s3.double.faults.push({ on, does: { kind: 'answer', status: 403, code: 'AccessDenied' } });
    const checkpoint = { load: () => undefined, save: () => Promise.resolve() };
    const ranged = await endedRangedBody(randomBytes(2 * PART_BYTES));
    const put = s3.elementWith().put(describedFile(), ranged.body, never, checkpoint);
    const error: unknown = await put.catch((failure: unknown) => failure);
    expect(classifyFailure(error, STORAGE_CODES)).toMatchObject({ mayHaveSucceeded: true });
    expect(mayBeStored(error, true)).toBe(true);
    await ranged.dispose();
  });

  it('does not send a part again that is refused', async () => {
    s3.double.faults.push({ on: 'UploadPart', does: { kind: 'answer', status: 403, code: 'AccessDenied' } });
    const ranged = await endedRangedBody(randomBytes(2 * PART_BYTES));
    const put = s3.elementWith({ concurrentParts: 1 }).put(describedFile(), ranged.body, never);
    await expect(put).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(s3.double.count('UploadPart')).toBe(1);
    await ranged.dispose();
  });

  it('leaves nothing of a body that was found bad when parts of it were there', async () => {
    const ranged = rangedBody();
    const put = s3.elementWith().put(describedFile(), ranged.body, never);
    await ranged.write(randomBytes(PART_BYTES + 10));
    await eventually(async () => {
      expect(partsSent()).toEqual([1]);
    });
    const broken = new Error('the form was not complete');
    ranged.fail(broken);
    await expect(put).rejects.toBe(broken);
    await eventually(async () => {
      expect(leftIn(s3.double)).toEqual([]);
    });
    expect(filesIn(s3.double)).toEqual([]);
    await ranged.dispose();
  });

  it('ends what is under way when it is aborted, and leaves no parts', async () => {
    s3.double.faults.push({ on: 'UploadPart', times: 4, does: { kind: 'stall' } });
    const ranged = await endedRangedBody(randomBytes(6 * PART_BYTES));
    const controller = new AbortController();
    const put = s3.elementWith().put(describedFile(), ranged.body, controller.signal);
    await eventually(async () => {
      expect(s3.double.count('UploadPart')).toBe(4);
    });
    const reason = new Error('nobody waits any more');
    controller.abort(reason);
    await expect(put).rejects.toBe(reason);
    expect(ranged.reading.now).toBe(0);
    await eventually(async () => {
      expect(leftIn(s3.double)).toEqual([]);
    });
    await ranged.dispose();
  });

  it('sends a body that no disk takes all the same, one part at a time', async () => {
    const ranged = rangedBody(undefined, new SlowDisk(0));
    const put = s3.elementWith().put(describedFile(), ranged.body, never);
    for (let chunk = 0; chunk < 12; chunk += 1) await ranged.write(randomBytes(PART_BYTES / 4));
    ranged.end();
    await put;
    expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
    expect([s3.double.mostPartsAtOnce, ranged.reading.most]).toEqual([1, 0]);
    await ranged.dispose();
  });

  it.each([0.4, 1.5, 2.6, 3])(
    'stores all of a body, or nothing, when the disk is full after %d parts of it',
    async (parts) => {
      const ranged = rangedBody(undefined, new SlowDisk(PART_BYTES * parts));
      const put = s3.elementWith().put(describedFile(), ranged.body, never);
      const failure = put.then(
        () => undefined,
        (error: unknown) => error,
      );
      for (let chunk = 0; chunk < 24; chunk += 1) await ranged.write(randomBytes(PART_BYTES / 4));
      ranged.end();
      const error = await failure;
      if (error === undefined) expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
      else expect(error).toMatchObject({ code: 'SPOOL_FULL' });
      await eventually(async () => {
        expect(leftIn(s3.double)).toEqual([]);
      });
      await ranged.dispose();
    },
  );

  it.each([
    ['that is known', 9_000 * PART_BYTES + 1, PART_BYTES + 1],
    ['that needs no larger ones', PART_BYTES, PART_BYTES],
  ])('has parts for a length %s', async (_what, length, partBytes) => {
    const { source, body } = bodyInHand(length);
    const controller = new AbortController();
    const put = s3.elementWith().put(describedFile(), body, controller.signal);
    source.write(randomBytes(2 * partBytes));
    if (length > PART_BYTES) {
      await eventually(async () => {
        expect(partsSent()).toEqual([1]);
      });
      const [upload] = s3.double.bucket.uploads.values();
      expect(upload?.parts.get(1)?.bytes).toHaveLength(partBytes);
    }
    controller.abort(new Error('seen enough'));
    await expect(put).rejects.toThrow(/seen enough|declared/);
  });

  it('answers questions while all connections are busy with parts, and takes no part that waits for late', async () => {
    const release = Promise.withResolvers<void>();
    s3.double.faults.push({ on: 'UploadPart', times: 2, does: { kind: 'wait', until: release.promise } });
    const element = s3.elementWith({}, { limits: { ...LIMITS, maxConnections: 2, stallMs: 200 } });
    const ranged = await endedRangedBody(randomBytes(4 * PART_BYTES));
    const put = element.put(describedFile(), ranged.body, never);
    await eventually(async () => {
      expect(s3.double.count('UploadPart')).toBe(2);
    });
    expect(await element.health()).toEqual({ up: true });
    await setTimeout(500);
    release.resolve();
    expect(await put).toMatchObject({ size: 4 * PART_BYTES });
    await ranged.dispose();
  });

  it('sends a file that is here whole in one request', async () => {
    await s3.elementWith().put(describedFile(), bodyOfBytes('hello'), never);
    await s3.elementWith().put(describedFile(), bodyOfBytes(''), never);
    const [hello, empty] = s3.double.requests.filter(
      ({ operation, key }) => operation === 'PutObject' && !key.endsWith('probe'),
    );
    expect(hello?.headers['content-length']).toBe('5');
    expect(empty?.headers['content-length']).toBe('0');
    expect(s3.double.count('CreateMultipartUpload')).toBe(0);
  });
});
