import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SlowDisk, bodyOn, collect, cut, writeAll } from '../../../test/support/spooled-bodies.js';
import { SpoolFolder } from '../spool-folder.service.js';

const KIB = 1024;
const never = new AbortController().signal;

describe('a spooled body that is kept', () => {
  let root: string;
  let spool: string;
  let kept: string;
  let folder: SpoolFolder;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'kept-body-'));
    spool = join(root, 'spool');
    kept = join(spool, 'kept', 'a.upload');
    await mkdir(join(spool, 'kept'), { recursive: true });
    folder = new SpoolFolder({ path: spool, limitBytes: 0 });
  });

  afterEach(() => rm(root, { recursive: true }));

  const onDisk = (memoryBytes = 100 * KIB) => bodyOn({ create: () => folder.create() }, memoryBytes);
  const left = async (): Promise<string[]> => (await readdir(spool)).filter((name) => name !== 'kept');
  const descriptors = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

  it.each([
    ['is in memory as a whole', [20, 30]],
    ['is on the disk for the most part', [200, 300, 10]],
    ['has no byte', []],
  ])('has all its bytes under its name, for its owner alone, where it %s', async (_, sizes) => {
    const before = await descriptors();
    const { body, budget } = onDisk();
    const { all, chunks } = cut(sizes.map((size) => size * KIB));
    await writeAll(body, chunks);
    body.end();
    await body.persist(kept);
    expect((await readFile(kept)).equals(all)).toBe(true);
    expect((await stat(kept)).mode & 0o777).toBe(0o600);
    expect(await left()).toEqual([]);
    expect(folder.usage()).toMatchObject({ bytes: 0, files: 0 });
    await body.dispose();
    expect((await readFile(kept)).equals(all)).toBe(true);
    expect(await descriptors()).toBeLessThanOrEqual(before);
    expect(budget.usedBytes).toBe(0);
  });

  it('serves the readers that are open, and those that come later, until it is disposed of', async () => {
    const { body } = onDisk();
    const { all, chunks } = cut(Array.from({ length: 20 }, () => 64 * KIB));
    const early = body.open(0, never);
    early.read(0);
    await writeAll(body, chunks);
    const late = collect(body.open(0, never));
    body.end();
    await body.persist(kept);
    expect((await collect(early)).equals(all)).toBe(true);
    expect((await late).equals(all)).toBe(true);
    expect((await collect(body.open(0, never))).equals(all)).toBe(true);
    await body.dispose();
  });

  it('is not kept before its end', async () => {
    const { body } = onDisk();
    body.write(Buffer.alloc(10));
    await expect(body.persist(kept)).rejects.toThrow('only after its end');
    body.end();
    await body.persist(kept);
    await body.dispose();
    expect(await readFile(kept)).toHaveLength(10);
  });

  it('is not kept once it has failed, and says why', async () => {
    const { body } = onDisk();
    body.write(Buffer.alloc(10));
    body.end();
    const error = new Error('the client left');
    body.fail(error);
    await expect(body.persist(kept)).rejects.toBe(error);
    await body.dispose();
    expect(await readdir(join(spool, 'kept'))).toEqual([]);
  });

  it('leaves nothing when it cannot have the name', async () => {
    const { body } = onDisk();
    body.write(Buffer.alloc(10));
    body.end();
    const nowhere = join(spool, 'missing', 'a.upload');
    await expect(body.persist(nowhere)).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    await mkdir(join(spool, 'missing'));
    // The outcome stands: a disk that failed once may lie the next time.
    await expect(body.persist(nowhere)).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    await body.dispose();
    expect(await left()).toEqual(['missing']);
  });

  it('leaves nothing when the spool of the process is at its limit', async () => {
    folder = new SpoolFolder({ path: spool, limitBytes: 50 * KIB });
    const { body } = onDisk();
    body.write(Buffer.alloc(60 * KIB));
    body.end();
    await expect(body.persist(kept)).rejects.toMatchObject({ code: 'SPOOL_FULL', status: 507 });
    await body.dispose();
    expect([await left(), await readdir(join(spool, 'kept'))]).toEqual([[], []]);
  });

  it('says that there was no room when a part of it is lost', async () => {
    const { body } = bodyOn(new SlowDisk(0), 1000);
    body.open(0, never).resume();
    await writeAll(body, [Buffer.alloc(2000), Buffer.alloc(2000)]);
    body.end();
    expect(body.replayable).toBe(false);
    await expect(body.persist(kept)).rejects.toMatchObject({ code: 'SPOOL_FULL' });
    await body.dispose();
  });
});
