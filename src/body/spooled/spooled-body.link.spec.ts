import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CountingOwner } from '../../../test/support/counting-owner.js';
import { bodyOn, collect, cut, type MadeBody, writeAll } from '../../../test/support/spooled-bodies.js';
import type { LinkedFile } from '../body-source.js';
import { MemoryBudget } from '../memory-budget.js';
import { SpoolFolder } from '../spool-folder.service.js';
import { DiskSpoolFile } from './spool-file.js';
import { SpooledBody } from './spooled-body.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const never = new AbortController().signal;

describe('a spooled body whose file is linked', () => {
  let root: string;
  let spool: string;
  let stored: string;
  let other: string;
  let folder: SpoolFolder;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'linked-body-'));
    spool = join(root, 'spool');
    [stored, other] = [join(root, 'one.content'), join(root, 'other.content')];
    await mkdir(spool);
    folder = new SpoolFolder({ path: spool, limitBytes: 0, spareBytes: 100 * MIB });
  });

  afterEach(async () => {
    await folder.onApplicationShutdown();
    await rm(root, { recursive: true });
  });

  const begin = (expectedBytes?: number): MadeBody =>
    bodyOn({ create: () => folder.create(expectedBytes) }, 100 * KIB);

  /** One whose length is declared. */
  function beginOf(length: number, memoryBytes = 100 * KIB): SpooledBody {
    const budget = new MemoryBudget(1e9);
    return new SpooledBody({ memoryBytes, budget, createFile: () => folder.create(length), length });
  }

  async function link(body: SpooledBody, path = stored, signal = never): Promise<LinkedFile> {
    const linked = await body.linkTo(path, signal);
    if (!linked) throw new Error('It was not linked');
    return linked;
  }

  const chunksOf = (bytes: number): { all: Buffer; chunks: Buffer[] } =>
    cut(Array.from({ length: Math.ceil(bytes / (64 * KIB)) }, () => 64 * KIB));

  /** Leaves a spare file of so many bytes, which the next upload begins in. */
  async function leaveSpare(bytes: number): Promise<void> {
    const { body } = begin();
    await writeAll(body, chunksOf(bytes).chunks);
    body.end();
    await body.dispose();
    expect(folder.usage().spareBytes).toBeGreaterThan(0);
  }

  it('is not read again, or sent elsewhere, where the disk failed to make it durable', async () => {
    const { all, chunks } = chunksOf(3 * MIB);
    const path = join(spool, 'a.spool');
    await writeFile(path, '');
    const unsyncable = new DiskSpoolFile(openSync('/dev/null', 'r+'), path, new CountingOwner());
    const body = new SpooledBody({
      memoryBytes: 100 * KIB,
      budget: new MemoryBudget(1e9),
      createFile: () => Promise.resolve(unsyncable),
      length: all.length,
    });
    const linked = await link(body);
    await writeAll(body, chunks);
    body.end();
    expect(await linked.whenWhole()).toBe(true);
    expect(body.replayable).toBe(true);
    await expect(linked.sync()).rejects.toThrow('EINVAL');
    expect(body.replayable).toBe(false);
    await expect(collect(body.open(0, never))).rejects.toMatchObject({ code: 'SPOOL_FULL' });
    await expect(body.persist(join(root, 'kept'))).rejects.toMatchObject({ code: expect.any(String) });
    await body.dispose();
  });

  it.each([
    ['whose length was declared', true],
    ['whose length nobody knew', false],
  ])('%s is the stored file, private, with all of its bytes', async (_, isDeclared) => {
    const { all, chunks } = chunksOf(3 * MIB);
    const body = isDeclared ? beginOf(all.length) : begin().body;
    const linking = link(body);
    await writeAll(body, chunks);
    const linked = await linking;
    const whole = linked.whenWhole();
    body.end();
    expect(await whole).toBe(true);
    await linked.sync();
    expect((await readFile(stored)).equals(all)).toBe(true);
    expect((await stat(stored)).mode & 0o777).toBe(0o600);
    await body.dispose();
    expect(await readdir(spool)).toEqual([]);
    expect((await readFile(stored)).equals(all)).toBe(true);
    expect(folder.usage()).toMatchObject({ bytes: 0, files: 0, spareBytes: 0 });
  });

  it('has its name before its first byte where it is known to be large, and grows under it', async () => {
    const body = beginOf(3 * MIB);
    await link(body);
    expect((await stat(stored)).size).toBe(0);
    await writeAll(body, chunksOf(2 * MIB).chunks);
    expect((await stat(stored)).size).toBeGreaterThan(MIB);
    await body.dispose();
  });

  it('has no byte of another upload whose file it was begun in, nor is written again by a third', async () => {
    await leaveSpare(4 * MIB);
    const { all, chunks } = chunksOf(3 * MIB);
    const { body } = begin(4 * MIB);
    const linking = link(body);
    await writeAll(body, chunks);
    body.end();
    const linked = await linking;
    expect(await linked.whenWhole()).toBe(true);
    await linked.sync();
    expect((await stat(stored)).size).toBe(all.length);
    await body.dispose();
    const third = begin(3 * MIB).body;
    await writeAll(
      third,
      Array.from({ length: 48 }, () => Buffer.alloc(64 * KIB)),
    );
    expect((await readFile(stored)).equals(all)).toBe(true);
    await third.dispose();
  });

  it('is not written again either when it fails', async () => {
    const body = beginOf(3 * MIB);
    await link(body);
    await writeAll(body, chunksOf(2 * MIB).chunks);
    body.fail(new Error('cut off'));
    await body.dispose();
    expect(folder.usage()).toMatchObject({ bytes: 0, spareBytes: 0 });
    expect(await readdir(spool)).toEqual([]);
  });

  it('is received as fast as the disk takes it while nobody reads it, in little memory', async () => {
    const { body, budget } = begin();
    const linking = link(body);
    for (const chunk of chunksOf(20 * MIB).chunks) {
      body.write(chunk);
      await body.whenWritable;
      expect(budget.usedBytes).toBeLessThan(MIB);
    }
    body.end();
    expect(await (await linking).whenWhole()).toBe(true);
    await body.dispose();
  });

  it.each([
    ['is known to fit into memory', 50 * KIB],
    ['turns out to fit into memory', undefined],
  ])('is none that %s', async (_, length) => {
    const { all, chunks } = cut([20 * KIB, 30 * KIB]);
    const body = length === undefined ? begin().body : beginOf(length);
    const linking = body.linkTo(stored, never);
    if (length !== undefined) expect(await linking).toBeUndefined();
    await writeAll(body, chunks);
    body.end();
    expect(await linking).toBeUndefined();
    expect(await readdir(root)).toEqual(['spool']);
    expect((await collect(body.open(0, never))).equals(all)).toBe(true);
    await body.dispose();
  });

  it('is none where the name cannot be had, and is read as a stream then', async () => {
    const { all, chunks } = chunksOf(3 * MIB);
    const body = beginOf(all.length);
    expect(await body.linkTo(join(root, 'missing', 'one.content'), never)).toBeUndefined();
    const stream = collect(body.open(0, never));
    await writeAll(body, chunks);
    body.end();
    expect((await stream).equals(all)).toBe(true);
    await body.dispose();
    // It belongs to nobody else, and may be written again.
    expect(folder.usage().spareBytes).toBe(all.length);
  });

  it('says that it is of no use as soon as the disk takes no more, and is read as a stream then', async () => {
    folder = new SpoolFolder({ path: spool, limitBytes: MIB });
    const { all, chunks } = chunksOf(5 * MIB);
    const body = beginOf(all.length);
    const linked = await link(body);
    const whole = linked.whenWhole();
    const written = writeAll(body, chunks).then(() => body.end());
    expect(await whole).toBe(false);
    await rm(stored);
    expect((await collect(body.open(0, never))).equals(all)).toBe(true);
    await written;
    await body.dispose();
    expect(await readdir(root)).toEqual(['spool']);
  });

  it('gets other names for other attempts, can be kept as well, and be read', async () => {
    const { all, chunks } = chunksOf(3 * MIB);
    const body = beginOf(all.length);
    const first = await link(body);
    await writeAll(body, chunks);
    body.end();
    expect(await first.whenWhole()).toBe(true);
    await rm(stored);
    const second = await link(body, other);
    expect(await second.whenWhole()).toBe(true);
    await Promise.all([second.sync(), first.sync()]);
    expect((await collect(body.open(0, never))).equals(all)).toBe(true);
    await body.persist(join(spool, 'a.upload'));
    expect(await body.linkTo(stored, never)).toBeUndefined();
    await body.dispose();
    expect((await readFile(other)).equals(all)).toBe(true);
    expect((await readFile(join(spool, 'a.upload'))).equals(all)).toBe(true);
    expect(folder.usage()).toMatchObject({ bytes: 0, files: 0, spareBytes: 0 });
  });

  describe('fails who waits for it', () => {
    const states: [string, (body: SpooledBody, signal: AbortSignal) => Promise<unknown>][] = [
      ['before it has a file', (body, signal) => body.linkTo(stored, signal)],
      [
        'before it is whole',
        async (body, signal) => {
          await writeAll(body, chunksOf(MIB).chunks);
          return (await link(body, stored, signal)).whenWhole();
        },
      ],
    ];

    it.each(states)('with its own failure, %s', async (_, reach) => {
      const { body } = begin();
      const waiting = reach(body, never);
      const error = new Error('the client sent nonsense');
      setTimeout(() => body.fail(error), 50);
      await expect(waiting).rejects.toBe(error);
      await expect(body.linkTo(other, never)).rejects.toBe(error);
      await body.dispose();
    });

    it.each(states)('with the reason of the signal, %s, and no other', async (_, reach) => {
      const { body } = begin();
      const abort = new AbortController();
      const reason = new Error('the time is over');
      const waiting = reach(body, abort.signal);
      setTimeout(() => abort.abort(reason), 50);
      await expect(waiting).rejects.toBe(reason);
      const again = body.linkTo(other, never);
      await writeAll(body, chunksOf(MIB).chunks);
      body.end();
      expect(await (await again)?.whenWhole()).toBe(true);
      await body.dispose();
    });
  });
});
