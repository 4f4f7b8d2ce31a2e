import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { classifyFailure, STORAGE_CODES } from '../../src/outbound/classify-failure.js';
import { eventually } from '../support/eventually.js';
import { bodyOfBytes, describedFile, wholeBody } from '../support/file-bodies.js';
import { endedRangedBody } from '../support/ranged-bodies.js';
import { filesIn, leftIn, PART_BYTES, s3ElementFixture } from './s3-element-fixture.js';

const never = new AbortController().signal;

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('S3StorageElement and the name of a file', () => {
  const s3 = s3ElementFixture();

  it.each([
    ['small', 10],
    ['in parts', 2 * PART_BYTES],
  ])('keeps the first of two %s files of one id', async (_what, size) => {
    const element = s3.elementWith();
    const file = describedFile();
    const [first, second] = [
      await endedRangedBody(randomBytes(size)),
      await endedRangedBody(randomBytes(size)),
    ];
    await element.put(file, first.body, never);
    await expect(element.put(file, second.body, never)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(filesIn(s3.double)).toEqual([first.body.digest()]);
    expect(await element.stat(file.fileId)).toMatchObject(first.body.digest());
    await eventually(async () => {
      expect(leftIn(s3.double)).toEqual([]);
    });
  });

  it('lets one of several that store an id at once win, with its own companion', async () => {
    const file = describedFile({ metadata: { long: 'x'.repeat(3000) } });
    const bodies = await Promise.all(
      [10, 2 * PART_BYTES, 20, 3 * PART_BYTES].map((size) => endedRangedBody(randomBytes(size))),
    );
    const puts = bodies.map(({ body }) => s3.elementWith().put(file, body, never));
    const results = await Promise.allSettled(puts);
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const lost = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(won).toHaveLength(1);
    expect(lost.map(({ code }) => code)).toEqual(['CONFLICT', 'CONFLICT', 'CONFLICT']);
    expect(await s3.elementWith().stat(file.fileId)).toEqual(won[0]);
    await eventually(async () => {
      expect(leftIn(s3.double)).toEqual([]);
    });
  });

  it.each(['ignored', 'refused'] as const)(
    'looks first where conditions are %s, and says so',
    async (conditions) => {
      s3.double.options.conditions = conditions;
      const element = s3.elementWith();
      const file = describedFile();
      await element.put(file, bodyOfBytes('first'), never);
      const large = await endedRangedBody(randomBytes(2 * PART_BYTES));
      await expect(element.put(file, bodyOfBytes('second'), never)).rejects.toMatchObject({
        code: 'CONFLICT',
      });
      await expect(element.put(file, large.body, never)).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await element.stat(file.fileId)).toMatchObject({ size: 5 });
      expect(await element.health()).toEqual({ up: true, remark: expect.stringContaining('conditional') });
      await eventually(async () => {
        expect(leftIn(s3.double)).toEqual([]);
      });
    },
  );

  it.each(['kept', 'ignored'] as const)(
    'asks for no bucket before a write: conditions %s',
    async (conditions) => {
      s3.double.options.conditions = conditions;
      const large = await endedRangedBody(randomBytes(2 * PART_BYTES));
      const element = s3.elementWith();
      await element.put(describedFile(), large.body, never);
      await element.put(describedFile(), bodyOfBytes('small'), never);
      expect(s3.double.count('HeadBucket')).toBe(0);
      await large.dispose();
    },
  );

  it('looks at the bucket once for all that ask at a time, and for each where that fails', async () => {
    const element = s3.elementWith();
    const ids = Array.from({ length: 8 }, () => randomUUID());
    await Promise.all(ids.map((id) => element.stat(id)));
    const looks = s3.double.count('HeadBucket');
    expect(looks).toBeLessThan(8);
    s3.double.faults.push({ on: 'HeadBucket', times: 1, does: { kind: 'cut', when: 'before' } });
    expect(await Promise.all(ids.map((id) => element.stat(id)))).toEqual(ids.map(() => undefined));
    s3.double.faults.push({ on: 'HeadBucket', times: 99, does: { kind: 'cut', when: 'before' } });
    const failed = await Promise.allSettled(ids.map((id) => element.stat(id)));
    expect(failed.map(({ status }) => status)).toEqual(ids.map(() => 'rejected'));
  });

  it('keeps a connection on which it has only asked', async () => {
    const element = s3.elementWith();
    for (let count = 0; count < 10; count += 1) await element.stat(randomUUID());
    // A question that follows at once finds the first one still at work.
    expect(s3.double.connections).toBeLessThanOrEqual(2);
  });

  it('tries out once what the store does with conditions, and leaves one empty object of that', async () => {
    const element = s3.elementWith();
    await Promise.all([1, 2, 3].map(() => element.put(describedFile(), bodyOfBytes('x'), never)));
    expect(probes()).toEqual([
      ['PUT', 200],
      ['PUT', 412],
    ]);
    await s3.elementWith().put(describedFile(), bodyOfBytes('x'), never);
    expect(probes().slice(2)).toEqual([['PUT', 412]]);
    expect(s3.double.bucket.objects.size).toBe(5);
    expect(s3.double.bucket.objects.get('in/here/.ingester-probe')?.size).toBe(0);
  });

  it('is right about a store without conditions that has the object of an earlier try', async () => {
    s3.double.options.conditions = 'ignored';
    for (const bytes of ['first', 'second']) {
      const element = s3.elementWith();
      await element.put(describedFile(), bodyOfBytes(bytes), never);
      expect(await element.health()).toMatchObject({ remark: expect.stringContaining('conditional') });
    }
  });

  /** What was asked about the object with which it is tried out what the store does. */
  function probes(): unknown[] {
    const asked = s3.double.requests.filter(({ key }) => key.includes('probe'));
    return asked.map(({ method, status }) => [method, status]);
  }

  it('writes again when another write of the key is under way', async () => {
    const element = s3.elementWith();
    const busy = { kind: 'answer', status: 409, code: 'ConditionalRequestConflict' } as const;
    s3.double.faults.push({ on: 'PutObject', key: /-[0-9a-f]{12}$/, times: 2, does: busy });
    await element.put(describedFile(), bodyOfBytes('x'), never);
    expect(filesIn(s3.double)).toHaveLength(1);
  });
});

describe('S3StorageElement and an answer that was lost', () => {
  const s3 = s3ElementFixture();
  const ofFile = { key: /-[0-9a-f]{12}$/ };

  it.each([
    ['before it had the file', 'before', 0],
    ['after it had the file', 'after', 1],
  ] as const)(
    'says that the store may have a small file, where it was cut off %s',
    async (_what, when, kept) => {
      const element = s3.elementWith();
      s3.double.faults.push({ on: 'PutObject', ...ofFile, does: { kind: 'cut', when } });
      const file = describedFile();
      const body = wholeBody('hello');
      const error = await failureOf(element.put(file, body, never));
      expect(error).toMatchObject({ code: 'STORAGE_FAILED' });
      expect(classifyFailure(error, STORAGE_CODES)).toMatchObject({ retry: 'again', mayHaveSucceeded: true });
      expect(filesIn(s3.double)).toHaveLength(kept);
      expect((await element.stat(file.fileId))?.sha256).toBe(kept ? body.digest().sha256 : undefined);
    },
  );

  it.each([
    ['the connection is cut before it is done', { kind: 'cut', when: 'before' }, 1],
    ['the connection is cut after it is done', { kind: 'cut', when: 'after' }, 1],
    ['the connection is cut each time', { kind: 'cut', when: 'after' }, 9],
    ['it says 200 and then that it failed', { kind: 'error-in-200', code: 'InternalError' }, 1],
    ['it answers 500', { kind: 'answer', status: 500, code: 'InternalError' }, 2],
    ['it takes its time', { kind: 'blanks', ms: 300 }, 1],
  ] as const)('has the file when %s at the order to make it', async (_what, does, times) => {
    s3.double.faults.push({ on: 'CompleteMultipartUpload', times, does });
    const element = s3.elementWith();
    const file = describedFile();
    const ranged = await endedRangedBody(randomBytes(3 * PART_BYTES));
    const stored = await element.put(file, ranged.body, never);
    expect(await element.stat(file.fileId)).toEqual(stored);
    expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
    expect(leftIn(s3.double)).toEqual([]);
    await ranged.dispose();
  });

  it.each([
    ['500', { kind: 'answer', status: 500, code: 'InternalError' }],
    ['200 and an error', { kind: 'error-in-200', code: 'InternalError' }],
    ['nothing', { kind: 'cut', when: 'before' }],
  ] as const)(
    'makes no file, and leaves nothing, where the order is answered with %s each time',
    async (_what, does) => {
      s3.double.faults.push({ on: 'CompleteMultipartUpload', times: 9, does });
      const file = describedFile();
      const ranged = await endedRangedBody(randomBytes(3 * PART_BYTES));
      const put = s3.elementWith().put(file, ranged.body, never);
      await expect(put).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      expect(filesIn(s3.double)).toEqual([]);
      await eventually(async () => {
        expect(leftIn(s3.double)).toEqual([]);
      });
      await ranged.dispose();
    },
  );

  it('clears up when nobody waits for the order to be carried out', async () => {
    s3.double.faults.push({ on: 'CompleteMultipartUpload', does: { kind: 'stall' } });
    const ranged = await endedRangedBody(randomBytes(3 * PART_BYTES));
    const controller = new AbortController();
    const put = s3.elementWith().put(describedFile(), ranged.body, controller.signal);
    await eventually(async () => {
      expect(s3.double.count('CompleteMultipartUpload')).toBe(1);
    });
    const reason = new Error('gone');
    controller.abort(reason);
    await expect(put).rejects.toBe(reason);
    await eventually(async () => {
      expect(leftIn(s3.double)).toEqual([]);
    });
    expect(filesIn(s3.double)).toEqual([]);
    await ranged.dispose();
  });

  it('takes a file of another for no success', async () => {
    const element = s3.elementWith();
    const file = describedFile();
    const ranged = await endedRangedBody(randomBytes(3 * PART_BYTES));
    const release = Promise.withResolvers<void>();
    s3.double.faults.push({ on: 'CompleteMultipartUpload', does: { kind: 'wait', until: release.promise } });
    const put = failureOf(element.put(file, ranged.body, never));
    await eventually(async () => {
      expect(s3.double.count('CompleteMultipartUpload')).toBe(1);
    });
    await element.put(file, bodyOfBytes('another'), never);
    release.resolve();
    expect(await put).toMatchObject({ code: 'CONFLICT' });
    await eventually(async () => {
      expect(leftIn(s3.double)).toEqual([]);
    });
    expect(await element.stat(file.fileId)).toMatchObject({ size: 7 });
    await ranged.dispose();
  });
});
