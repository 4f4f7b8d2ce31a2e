import { randomBytes, randomUUID } from 'node:crypto';
import { open, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestSpool, digestOf } from '../../../test/support/accepted.js';
import { collect } from '../../../test/support/spooled-bodies.js';
import { AcceptedFiles } from './accepted-files.service.js';

const never = new AbortController().signal;
const KIB = 1024;

describe('accepted files', () => {
  let spool: TestSpool;

  beforeEach(async () => {
    spool = await TestSpool.make();
  });

  afterEach(() => spool.remove());

  it.each([10, 300 * KIB])(
    'keep a body of %d bytes, for their owner alone, and give it back',
    async (size) => {
      const bytes = randomBytes(size);
      const uploadId = await spool.accept(bytes);
      expect(await spool.files.has(uploadId)).toBe(true);
      expect((await stat(join(spool.path, 'accepted'))).mode & 0o777).toBe(0o700);
      expect((await stat(spool.pathOf(uploadId))).mode & 0o777).toBe(0o600);
      expect(await readdir(spool.path)).toEqual(['accepted']);
      const body = await spool.files.open(uploadId, digestOf(bytes));
      expect({ length: body.length, replayable: body.replayable, digest: body.digest() }).toEqual({
        length: size,
        replayable: true,
        digest: digestOf(bytes),
      });
      expect((await collect(body.open(never))).equals(bytes)).toBe(true);
    },
  );

  it('are known to every process that shares the folder', async () => {
    const bytes = randomBytes(1000);
    const uploadId = await spool.accept(bytes);
    const other = spool.filesOf();
    await other.prepare();
    expect(other.usage()).toMatchObject({ bytes: 1000, files: 1 });
    const second = await spool.accept(randomBytes(500));
    expect(await other.has(second)).toBe(true);
    await other.refresh();
    expect(other.usage()).toMatchObject({ bytes: 1500, files: 2 });
    await spool.files.remove(uploadId);
    expect(await other.has(uploadId)).toBe(false);
    expect((await other.list()).map((file) => file.uploadId)).toEqual([second]);
    expect(other.usage()).toMatchObject({ bytes: 500, files: 1 });
  });

  it('count what this process does at once', async () => {
    await spool.files.prepare();
    const uploadId = await spool.accept(randomBytes(700));
    expect(spool.files.usage()).toMatchObject({ bytes: 700, files: 1 });
    await spool.files.remove(uploadId);
    await spool.files.remove(uploadId);
    expect(spool.files.usage()).toEqual({ bytes: 0, files: 0 });
  });

  it('count what is kept and removed while the folder is read', async () => {
    const first = await spool.accept(randomBytes(100));
    await Promise.all([spool.files.refresh(), spool.accept(randomBytes(10)), spool.files.remove(first)]);
    expect(spool.files.usage()).toMatchObject({ bytes: 10, files: 1 });
    await spool.files.refresh();
    expect(spool.files.usage()).toMatchObject({ bytes: 10, files: 1 });
  });

  it('tell the age of the oldest', async () => {
    await spool.accept(randomBytes(10));
    const later = { monotonicMs: () => 0, wallMs: () => Date.now() + 60_000 };
    const files = spool.filesOf(later);
    expect(files.oldestAgeMs()).toBe(0);
    await files.refresh();
    expect(files.oldestAgeMs()).toBeGreaterThanOrEqual(60_000);
    expect(files.oldestAgeMs()).toBeLessThan(70_000);
  });

  it('are never replaced', async () => {
    const uploadId = await spool.accept(Buffer.from('promised'));
    await expect(spool.accept(Buffer.from('another'), uploadId)).rejects.toMatchObject({
      code: 'UPLOAD_IN_PROGRESS',
    });
    const body = await spool.files.open(uploadId, digestOf(Buffer.from('promised')));
    expect((await collect(body.open(never))).toString()).toBe('promised');
    expect(await readdir(spool.path)).toEqual(['accepted']);
  });

  it('has one winner when processes keep the same id at once', async () => {
    const uploadId = randomUUID();
    const spools = Array.from({ length: 8 }, () => TestSpool.at(spool.path));
    const outcomes = await Promise.allSettled(
      spools.map((each, index) => each.accept(Buffer.alloc(1000, index), uploadId)),
    );
    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const body = await spool.files.open(uploadId, digestOf(Buffer.alloc(1000, winner)));
    expect(await collect(body.open(never))).toHaveLength(1000);
    expect(await readdir(spool.path)).toEqual(['accepted']);
  });

  it('are not removed while they are promised', async () => {
    const uploadId = await spool.accept(Buffer.from('promised'));
    spool.needed.add(uploadId);
    expect(await spool.files.remove(uploadId)).toBe(false);
    expect(await readdir(join(spool.path, 'accepted'))).toEqual([`${uploadId}.upload`]);
    spool.needed.delete(uploadId);
    expect(await spool.files.remove(uploadId)).toBe(true);
    expect(await readdir(join(spool.path, 'accepted'))).toEqual([]);
  });

  it('stay where nobody can say whether they are promised', async () => {
    const uploadId = await spool.accept(Buffer.from('promised'));
    const files = new AcceptedFiles(spool.path, () => Promise.reject(new Error('the database is away')));
    await expect(files.remove(uploadId)).rejects.toThrow('the database is away');
    expect(await readdir(join(spool.path, 'accepted'))).toEqual([`${uploadId}.upload`]);
  });

  it('do not lose their place to a file that is needed and comes back', async () => {
    const uploadId = await spool.accept(Buffer.from('first'));
    const files = new AcceptedFiles(spool.path, async () => {
      // Kept by another process in the moment in which the name was free.
      await spool.accept(Buffer.from('second'), uploadId);
      return true;
    });
    expect(await files.remove(uploadId)).toBe(false);
    const body = await spool.files.open(uploadId, digestOf(Buffer.from('second')));
    expect((await collect(body.open(never))).toString()).toBe('second');
    // The first one is put back when its place is free, for as long as it is needed.
    await unlink(spool.pathOf(uploadId));
    spool.needed.add(uploadId);
    await spool.files.settleAside();
    await spool.files.open(uploadId, digestOf(Buffer.from('first')));
    expect(await readdir(join(spool.path, 'accepted'))).toEqual([`${uploadId}.upload`]);
  });

  it('that a killed process was about to remove come back, or go', async () => {
    const [promised, finished] = [await spool.accept(Buffer.from('a')), await spool.accept(Buffer.from('b'))];
    for (const id of [promised, finished])
      await rename(spool.pathOf(id), `${spool.pathOf(id)}.${randomUUID()}`);
    expect(await spool.files.isEmpty()).toBe(false);
    spool.needed.add(promised);
    await spool.files.settleAside();
    expect(await readdir(join(spool.path, 'accepted'))).toEqual([`${promised}.upload`]);
  });

  it('are discarded by who has kept them, and by nobody else', async () => {
    const first = await spool.keep(Buffer.from('first'));
    const { uploadId } = first;
    // As an upload does, which has its body until the promise is made: nobody else is given the file's number.
    const handle = await open(spool.pathOf(uploadId));
    await spool.files.remove(uploadId);
    const second = await spool.keep(Buffer.from('second'), uploadId);
    expect([await spool.files.holds(first), await spool.files.holds(second)]).toEqual([false, true]);
    await spool.files.discard(first);
    expect(await spool.files.holds(second)).toBe(true);
    await spool.files.discard(second);
    await handle.close();
    expect(await readdir(join(spool.path, 'accepted'))).toEqual([]);
  });

  it('are found by ids and by nothing else', async () => {
    await spool.files.prepare();
    for (const id of ['../../etc/passwd', 'A'.repeat(36), '', `${randomUUID()}/x`]) {
      await expect(spool.files.has(id)).rejects.toThrow(RangeError);
      await expect(spool.files.remove(id)).rejects.toThrow(RangeError);
    }
    await writeFile(join(spool.path, 'accepted', 'notes.txt'), 'mine');
    expect(await spool.files.list()).toEqual([]);
  });

  it('can be downloaded as they are, damaged or not', async () => {
    const uploadId = await spool.accept(Buffer.from('abc'));
    await writeFile(spool.pathOf(uploadId), 'damaged');
    const content = await spool.files.content(uploadId);
    expect(content?.size).toBe(7);
    expect(content && (await collect(content.stream)).toString()).toBe('damaged');
    expect(await spool.files.content(randomUUID())).toBeUndefined();
  });

  it('cannot be opened when they are missing or of another size', async () => {
    const bytes = Buffer.from('abcdef');
    const uploadId = await spool.accept(bytes);
    await writeFile(spool.pathOf(uploadId), 'abc');
    const damaged = { reason: 'spool_damaged', code: 'DIGEST_MISMATCH' };
    await expect(spool.files.open(uploadId, digestOf(bytes))).rejects.toMatchObject(damaged);
    await unlink(spool.pathOf(uploadId));
    await expect(spool.files.open(uploadId, digestOf(bytes))).rejects.toMatchObject(damaged);
  });
});
