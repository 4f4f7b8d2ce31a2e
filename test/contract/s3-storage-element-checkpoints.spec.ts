import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { UploadCheckpoint } from '../../src/storage/storage-element.js';
import { eventually } from '../support/eventually.js';
import { describedFile } from '../support/file-bodies.js';
import { endedRangedBody, rangedBody } from '../support/ranged-bodies.js';
import { filesIn, leftIn, PART_BYTES, s3ElementFixture } from './s3-element-fixture.js';

const never = new AbortController().signal;

/** A row that a task keeps. */
class Row implements UploadCheckpoint {
  readonly saved: (string | undefined)[] = [];

  get state(): string | undefined {
    return this.saved.at(-1);
  }

  load(): string | undefined {
    return this.state;
  }

  save(state: string | undefined): Promise<void> {
    this.saved.push(state);
    return Promise.resolve();
  }
}

const BYTES = randomBytes(5 * PART_BYTES + 100);

describe('S3StorageElement with a checkpoint', () => {
  const s3 = s3ElementFixture({ pageSize: 2 });

  /** An attempt that dies with parts 1 to 3 sent. */
  async function attemptThatDies(row: Row, file = describedFile()): Promise<typeof file> {
    const ranged = await endedRangedBody(BYTES);
    const controller = new AbortController();
    for (const partNumber of [4, 5, 6])
      s3.double.faults.push({ on: 'UploadPart', partNumber, does: { kind: 'stall' } });
    const put = s3.elementWith({ concurrentParts: 5 }).put(file, ranged.body, controller.signal, row);
    await eventually(async () => {
      const [upload] = s3.double.bucket.uploads.values();
      expect([upload?.parts.size, s3.double.count('UploadPart')]).toEqual([3, 6]);
    });
    controller.abort(new Error('killed'));
    await expect(put).rejects.toThrow('killed');
    await ranged.dispose();
    s3.double.requests.length = 0;
    s3.double.faults.length = 0;
    return file;
  }

  const sent = (): number[] =>
    s3.double.requests
      .flatMap(({ partNumber }) => (partNumber === undefined ? [] : [partNumber]))
      .toSorted((one, other) => one - other);

  it('goes on at the first part that is missing, at another replica', async () => {
    const row = new Row();
    const file = await attemptThatDies(row);
    const ranged = await endedRangedBody(BYTES);
    const element = s3.elementWith();
    await element.put(file, ranged.body, never, row);
    expect(sent()).toEqual([4, 5, 6]);
    expect(s3.double.count('CreateMultipartUpload')).toBe(0);
    expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
    expect(await element.stat(file.fileId)).toMatchObject(ranged.body.digest());
    expect(leftIn(s3.double)).toEqual([]);
    expect(row.state).toBeUndefined();
    await ranged.dispose();
  });

  it.each(['sha256', 'crc64nvme'] as const)(
    'tells parts by the checksum %s where the store keeps it',
    async (checksum) => {
      const row = new Row();
      const file = describedFile();
      const first = await endedRangedBody(BYTES);
      s3.double.faults.push({
        on: 'UploadPart',
        partNumber: 2,
        times: 9,
        does: { kind: 'answer', status: 500, code: 'x' },
      });
      await expect(
        s3.elementWith({ checksum, concurrentParts: 1 }).put(file, first.body, never, row),
      ).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
      s3.double.requests.length = 0;
      s3.double.faults.length = 0;
      const ranged = await endedRangedBody(BYTES);
      await s3.elementWith({ checksum }).put(file, ranged.body, never, row);
      expect(sent()).toEqual([2, 3, 4, 5, 6]);
      expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
      await Promise.all([first.dispose(), ranged.dispose()]);
    },
  );

  it('sends a part again that is not the same', async () => {
    const row = new Row();
    const file = await attemptThatDies(row);
    const [upload] = s3.double.bucket.uploads.values();
    if (!upload) throw new Error('there is no upload');
    s3.double.bucket.putPart(upload, 2, randomBytes(PART_BYTES));
    s3.double.bucket.putPart(upload, 3, BYTES.subarray(0, 10));
    const ranged = await endedRangedBody(BYTES);
    await s3.elementWith().put(file, ranged.body, never, row);
    expect(sent()).toEqual([2, 3, 4, 5, 6]);
    expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
    await ranged.dispose();
  });

  it('begins anew where the store knows the upload no more', async () => {
    const row = new Row();
    const file = await attemptThatDies(row);
    s3.double.bucket.uploads.clear();
    const ranged = await endedRangedBody(BYTES);
    await s3.elementWith().put(file, ranged.body, never, row);
    expect(sent()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
    await ranged.dispose();
  });

  it('keeps the parts as large as they were, whatever is set now', async () => {
    const row = new Row();
    const file = await attemptThatDies(row);
    const ranged = await endedRangedBody(BYTES);
    await s3.elementWith({ partSize: 3 * PART_BYTES }).put(file, ranged.body, never, row);
    expect(sent()).toEqual([4, 5, 6]);
    expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
    await ranged.dispose();
  });

  it('sends nothing again where it was killed after the file was made', async () => {
    const row = new Row();
    const file = await attemptThatDies(row);
    const before = row.state;
    const first = await endedRangedBody(BYTES);
    await s3.elementWith().put(file, first.body, never, row);
    row.saved.push(before);
    s3.double.requests.length = 0;
    const ranged = await endedRangedBody(BYTES);
    await s3.elementWith().put(file, ranged.body, never, row);
    expect([sent(), s3.double.count('CreateMultipartUpload')]).toEqual([[], 0]);
    expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
    expect(row.state).toBeUndefined();
    await Promise.all([first.dispose(), ranged.dispose()]);
  });

  it('keeps the companion that the first attempt announced', async () => {
    const row = new Row();
    const file = describedFile();
    const live = rangedBody();
    s3.double.faults.push({
      on: 'UploadPart',
      partNumber: 2,
      times: 9,
      does: { kind: 'answer', status: 500, code: 'x' },
    });
    const put = s3.elementWith().put(file, live.body, never, row);
    await live.write(BYTES.subarray(0, 3 * PART_BYTES));
    await expect(put).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    s3.double.faults.length = 0;
    const ranged = await endedRangedBody(BYTES);
    const element = s3.elementWith();
    const stored = await element.put(file, ranged.body, never, row);
    expect(await element.stat(file.fileId)).toEqual(stored);
    expect(s3.double.bucket.stored.size).toBe(2);
    await Promise.all([live.dispose(), ranged.dispose()]);
  });

  it('leaves nothing of an upload whose id is taken', async () => {
    const another = new Row();
    const file = await attemptThatDies(another);
    const rival = await endedRangedBody(randomBytes(10));
    await s3.elementWith().put(file, rival.body, never);
    const ranged = await endedRangedBody(BYTES);
    await expect(s3.elementWith().put(file, ranged.body, never, another)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await eventually(async () => {
      expect([leftIn(s3.double), another.state]).toEqual([[], undefined]);
    });
    await Promise.all([rival.dispose(), ranged.dispose()]);
  });

  it('leaves nothing of an upload that is discarded', async () => {
    const row = new Row();
    const file = await attemptThatDies(row);
    const state = JSON.parse(row.state ?? '') as { attempt: string };
    s3.double.bucket.put(`in/here/${file.fileId}.${state.attempt}.json`, Buffer.from('{}'), {}, true);
    expect(leftIn(s3.double)).toHaveLength(2);
    s3.elementWith().discard(JSON.stringify({ ...state, hasCompanion: true }));
    await eventually(() => Promise.resolve(expect(leftIn(s3.double)).toEqual([])));
  });

  it('keeps the file of an upload that is discarded when it is done', async () => {
    const row = new Row();
    const file = await attemptThatDies(row);
    const { state = '' } = row;
    const ranged = await endedRangedBody(BYTES);
    const stored = await s3.elementWith().put(file, ranged.body, never, row);
    const element = s3.elementWith();
    element.discard(state);
    await element.close();
    expect(await s3.elementWith().stat(file.fileId)).toEqual(stored);
    await ranged.dispose();
  });

  it('takes what another driver has saved for nothing', async () => {
    const row = new Row();
    row.saved.push('{"path":"/x"}');
    s3.elementWith().discard(row.state ?? '');
    const ranged = await endedRangedBody(BYTES);
    await s3.elementWith().put(describedFile(), ranged.body, never, row);
    expect(filesIn(s3.double)).toEqual([ranged.body.digest()]);
    await ranged.dispose();
  });
});

describe('S3StorageElement and uploads that nobody finishes', () => {
  const s3 = s3ElementFixture({ pageSize: 2 });
  const HOUR_MS = 3_600_000;

  async function outcomes(): Promise<unknown[]> {
    const all: unknown[] = [];
    for await (const outcome of s3.elementWith().removeOrphans(24 * HOUR_MS, never)) all.push(outcome);
    return all;
  }

  it('removes old parts of ours with their companions, and nothing else', async () => {
    const { bucket } = s3.double;
    const begin = (key: string, ageHours: number) => {
      const upload = bucket.begin(key, {});
      upload.initiated = new Date(Date.now() - ageHours * HOUR_MS);
      return upload;
    };
    const ids = Array.from({ length: 5 }, () => describedFile().fileId);
    for (const id of ids) {
      begin(`in/here/${id}`, 25);
      bucket.put(`in/here/${id}.${'a'.repeat(32)}.json`, Buffer.from('{}'), {}, false);
    }
    const stored = describedFile();
    const ranged = await endedRangedBody(BYTES);
    const metadata = { long: 'x'.repeat(3000) };
    await s3.elementWith().put({ ...stored, metadata }, ranged.body, never);
    begin(`in/here/${stored.fileId}`, 30);
    const kept = [
      begin(`in/here/${describedFile().fileId}`, 23),
      begin('in/here/of another program', 99),
      begin(`in/${describedFile().fileId}`, 99),
    ];
    const told = await outcomes();
    expect(told).toHaveLength(6);
    expect(told).toEqual(
      expect.arrayContaining([...ids, stored.fileId].map((fileId) => ({ kind: 'removed', fileId }))),
    );
    expect([...bucket.uploads.keys()].toSorted()).toEqual(kept.map(({ uploadId }) => uploadId).toSorted());
    expect(bucket.stored.size).toBe(2);
    expect(await s3.elementWith().stat(stored.fileId)).toMatchObject(ranged.body.digest());
    await ranged.dispose();
  });

  it('tells of one that cannot be removed, and goes on', async () => {
    for (let index = 0; index < 3; index += 1) {
      s3.double.bucket.begin(`in/here/${describedFile().fileId}`, {}).initiated = new Date(0);
    }
    s3.double.faults.push({
      on: 'AbortMultipartUpload',
      does: { kind: 'answer', status: 403, code: 'AccessDenied' },
    });
    const kinds = (await outcomes()).map((outcome) => String(Object(outcome).kind));
    expect(kinds.toSorted()).toEqual(['failed', 'removed', 'removed']);
  });
});
