import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestSpool, digestOf } from '../../../test/support/accepted.js';
import { collect } from '../../../test/support/spooled-bodies.js';

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
      const name = await spool.accept(bytes);
      expect(await spool.files.has(name)).toBe(true);
      expect((await stat(join(spool.path, 'accepted'))).mode & 0o777).toBe(0o700);
      expect((await stat(spool.pathOf(name))).mode & 0o777).toBe(0o600);
      expect(await readdir(spool.path)).toEqual(['accepted']);
      const body = await spool.files.open(name, digestOf(bytes));
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
    const name = await spool.accept(bytes);
    const other = spool.filesOf();
    await other.prepare();
    expect(other.usage()).toMatchObject({ bytes: 1000, files: 1 });
    const second = await spool.accept(randomBytes(500));
    expect(await other.has(second)).toBe(true);
    await other.refresh();
    expect(other.usage()).toMatchObject({ bytes: 1500, files: 2 });
    await spool.files.remove(name);
    expect(await other.has(name)).toBe(false);
    expect(await other.list()).toEqual([second]);
    expect(other.usage()).toMatchObject({ bytes: 500, files: 1 });
  });

  it('count what this process does at once', async () => {
    await spool.files.prepare();
    const name = await spool.accept(randomBytes(700));
    expect(spool.files.usage()).toMatchObject({ bytes: 700, files: 1 });
    await spool.files.remove(name);
    await spool.files.remove(name);
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

  it('have a name of their own each, also for one upload', async () => {
    const uploadId = randomUUID();
    const spools = Array.from({ length: 8 }, () => TestSpool.at(spool.path));
    const kept = await Promise.all(
      spools.map((each, index) => each.keep(Buffer.alloc(1000, index), uploadId)),
    );
    expect(new Set(kept.map(({ name }) => name)).size).toBe(8);
    for (const [index, { name }] of kept.entries()) {
      const body = await spool.files.open(name, digestOf(Buffer.alloc(1000, index)));
      expect(await collect(body.open(never))).toHaveLength(1000);
    }
    expect(await readdir(spool.path)).toEqual(['accepted']);
  });

  it('are certain not to be there only where nobody can have put one in unseen', async () => {
    const { uploadId, name } = await spool.keep(Buffer.from('one'));
    const other = spool.filesOf();
    expect(await other.hasNone(uploadId)).toBe(false);
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(join(spool.path, 'accepted'), longAgo, longAgo);
    await other.refresh();
    expect([await other.hasNone(uploadId), await other.hasNone(randomUUID())]).toEqual([false, true]);
    const second = await spool.keep(Buffer.from('two'));
    expect(await other.hasNone(second.uploadId)).toBe(false);
    await other.remove(name);
    expect(await spool.files.hasNone(randomUUID())).toBe(false);
  });

  it('are none where there is no folder yet', async () => {
    expect(await spool.files.hasNone(randomUUID())).toBe(true);
  });

  it('leave nothing behind when their name cannot be made durable', async () => {
    await spool.files.prepare();
    const folder = join(spool.path, 'accepted');
    const keeping = spool.withBody(Buffer.from('abc'), (body) => {
      const persist = body.persist.bind(body);
      body.persist = (path, onNamed) =>
        persist(path, async () => {
          await rename(folder, `${folder}.away`);
          await onNamed?.();
        });
      return spool.files.keep(body, { uploadId: randomUUID(), databaseId: randomUUID(), bytes: 3 });
    });
    await expect(keeping).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    expect(spool.files.usage()).toEqual({ bytes: 0, files: 0 });
  });

  it('are found by names of ours and by nothing else', async () => {
    await spool.files.prepare();
    const notOurs = ['../../etc/passwd', 'A'.repeat(36), '', `${randomUUID()}/x`, `${randomUUID()}.upload`];
    for (const name of notOurs) expect(await spool.files.has(name)).toBe(false);
    const bad = { uploadId: '../x', databaseId: randomUUID(), bytes: 1 };
    await expect(spool.withBody(Buffer.from('a'), (body) => spool.files.keep(body, bad))).rejects.toThrow(
      RangeError,
    );
    await writeFile(join(spool.path, 'accepted', 'notes.txt'), 'mine');
    expect(await spool.files.list()).toEqual([]);
  });

  it('can be downloaded as they are, damaged or not', async () => {
    const name = await spool.accept(Buffer.from('abc'));
    await writeFile(spool.pathOf(name), 'damaged');
    const content = await spool.files.content(name);
    expect(content?.size).toBe(7);
    expect(content && (await collect(content.stream)).toString()).toBe('damaged');
    expect(await spool.files.content(randomUUID())).toBeUndefined();
  });

  it('cannot be opened when they are missing or of another size', async () => {
    const bytes = Buffer.from('abcdef');
    const name = await spool.accept(bytes);
    await writeFile(spool.pathOf(name), 'abc');
    const damaged = { reason: 'spool_damaged', code: 'DIGEST_MISMATCH' };
    await expect(spool.files.open(name, digestOf(bytes))).rejects.toMatchObject(damaged);
    await unlink(spool.pathOf(name));
    await expect(spool.files.open(name, digestOf(bytes))).rejects.toMatchObject({
      reason: 'spool_file_missing',
      code: 'INTERNAL_ERROR',
    });
  });
});
