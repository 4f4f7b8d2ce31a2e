import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CountingOwner } from '../../../test/support/counting-owner.js';
import type { SpareFile } from './spool-file-pool.js';
import { DiskSpoolFile, createSpoolFile, reuseSpoolFile } from './spool-file.js';

describe('a spool file', () => {
  let folder: string;
  let path: string;
  let owner: CountingOwner;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spool-file-'));
    path = join(folder, 'a.spool');
    owner = new CountingOwner();
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('is private', async () => {
    const file = await createSpoolFile(path, owner);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await file.remove();
  });

  it('refuses a name that is taken, also by a link', async () => {
    await symlink(join(folder, 'elsewhere'), path);
    await expect(createSpoolFile(path, owner)).rejects.toThrow('EEXIST');
    expect(await readdir(folder)).toEqual(['a.spool']);
  });

  it('reads what was written, at any position, and no further', async () => {
    const file = await createSpoolFile(path, owner);
    expect(await file.write([Buffer.from('abc'), Buffer.from('def')], 0)).toBe(6);
    expect(await file.write([Buffer.from('ghi')], 6)).toBe(3);
    expect((await file.read(2, 4)).toString()).toBe('cdef');
    expect((await file.read(7, 100)).toString()).toBe('hi');
    await expect(file.read(9, 1)).rejects.toThrow('ends before position 9');
    expect(owner.bytes).toBe(9);
    await file.remove();
  });

  it('stays until whoever it is lent to is done', async () => {
    const file = await createSpoolFile(path, owner);
    await file.write([Buffer.from('abc')], 0);
    const done = Promise.withResolvers<void>();
    const descriptor = file.lend(done.promise);
    const removed = file.remove();
    const read = Buffer.alloc(3);
    expect(readSync(descriptor, read, 0, 3, 0)).toBe(3);
    expect(read.toString()).toBe('abc');
    expect(await readdir(folder)).toEqual(['a.spool']);
    done.resolve();
    await removed;
    expect(await readdir(folder)).toEqual([]);
    expect(() => fstatSync(descriptor)).toThrow('EBADF');
    expect(() => file.lend(Promise.resolve())).toThrow('removed');
  });

  it('is gone once it is removed, and gives its bytes back', async () => {
    const file = await createSpoolFile(path, owner);
    await file.write([Buffer.alloc(1000)], 0);
    await Promise.all([file.remove(), file.remove()]);
    await file.remove();
    expect(await readdir(folder)).toEqual([]);
    expect(owner).toMatchObject({ bytes: 0, problems: [] });
    await expect(file.read(0, 1)).rejects.toThrow('removed');
    await expect(file.write([Buffer.alloc(1)], 0)).rejects.toThrow('removed');
  });

  it('lets calls that are under way end before it is closed', async () => {
    const order: string[] = [];
    owner.removed = () => void order.push('closed');
    const file = await createSpoolFile(path, owner);
    await file.write([Buffer.alloc(32 * 1024 * 1024, 'x')], 0);
    const reading = file.read(0, 32 * 1024 * 1024).then((block) => order.push(`read ${block.length}`));
    const writing = file.write([Buffer.alloc(1000)], 1000).then(() => order.push('written'));
    await Promise.all([file.remove(), reading, writing]);
    expect(order.toSorted()).toEqual(['closed', 'read 33554432', 'written']);
    expect(order.at(-1)).toBe('closed');
  });

  it('counts no bytes that were not written', async () => {
    await writeFile(path, '');
    const file = new DiskSpoolFile(openSync(path, 'r'), path, owner);
    await expect(file.write([Buffer.alloc(10)], 0)).rejects.toThrow('EBADF');
    expect(owner.bytes).toBe(0);
    await file.remove();
  });

  it('takes it as removed when somebody else has swept its name', async () => {
    const file = await createSpoolFile(path, owner);
    await rm(path);
    await file.write([Buffer.from('abc')], 0);
    expect((await file.read(0, 3)).toString()).toBe('abc');
    await file.remove();
    expect(owner.problems).toEqual([]);
  });

  it('tells its owner of a name that could not be removed, and is closed all the same', async () => {
    const file = await createSpoolFile(path, owner);
    await rm(path);
    await mkdir(path);
    await file.remove();
    expect(owner.problems).toHaveLength(1);
  });

  it("has another name once it is kept, is its owner's no more, and can still be read", async () => {
    const file = await createSpoolFile(path, owner);
    await file.write([Buffer.from('abc')], 0);
    await file.keep(join(folder, 'b.upload'), () => Promise.resolve());
    expect(await readdir(folder)).toEqual(['b.upload']);
    expect(owner).toMatchObject({ bytes: 0, problems: [] });
    expect((await file.read(0, 3)).toString()).toBe('abc');
    await file.remove();
    expect(await readdir(folder)).toEqual(['b.upload']);
    expect(owner).toMatchObject({ bytes: 0, problems: [] });
  });

  it('has its name when that is told, is kept only after what then is done, and is removed where that fails', async () => {
    const file = await createSpoolFile(path, owner);
    await file.write([Buffer.from('abc')], 0);
    const seen: string[][] = [];
    const failing = file.keep(join(folder, 'b.upload'), async () => {
      seen.push(await readdir(folder));
      throw new Error('not synced');
    });
    await expect(failing).rejects.toThrow('not synced');
    expect(seen).toEqual([['b.upload']]);
    await file.remove();
    expect(await readdir(folder)).toEqual([]);
    expect(owner).toMatchObject({ bytes: 0, problems: [] });
  });

  describe('that is written again', () => {
    let saving: CountingOwner;

    beforeEach(() => {
      saving = new CountingOwner(true);
    });

    /** A file that has held `content` and is a spare now. */
    async function spareWith(content: string): Promise<SpareFile> {
      const file = await createSpoolFile(path, saving);
      await file.write([Buffer.from(content)], 0);
      await file.remove();
      const [spare] = saving.spares;
      if (!spare) throw new Error('There is no spare file');
      expect(saving).toMatchObject({ bytes: 0, problems: [] });
      return spare;
    }

    /** Begins a body in `spare`, as its owner does. */
    async function reuse(spare: SpareFile, expectedBytes: number): Promise<DiskSpoolFile> {
      const file = await reuseSpoolFile(spare, expectedBytes, saving);
      if (!file) throw new Error('The file was not written again');
      saving.take(file.size);
      return file;
    }

    it('never shows a byte of what it held before', async () => {
      const file = await reuse(await spareWith('secret bytes of another upload'), 30);
      await expect(file.read(0, 100)).rejects.toThrow('ends before position 0');
      await file.write([Buffer.from('mine')], 0);
      expect((await file.read(0, 100)).toString()).toBe('mine');
      expect((await file.read(2, 100)).toString()).toBe('ne');
      await expect(file.read(4, 1)).rejects.toThrow('ends before position 4');
      await expect(file.read(20, 1)).rejects.toThrow('ends before position 20');
      await file.remove();
    });

    it('is kept without a byte of what it held before', async () => {
      const file = await reuse(await spareWith('secret bytes of another upload'), 30);
      await file.write([Buffer.from('mi'), Buffer.from('ne')], 0);
      await file.keep(join(folder, 'b.upload'), () => Promise.resolve());
      expect(await readFile(join(folder, 'b.upload'), 'utf8')).toBe('mine');
      expect(saving.bytes).toBe(0);
      await file.remove();
      expect(saving.spares).toHaveLength(1);
    });

    it('is cut to what is expected, and grows beyond it', async () => {
      const file = await reuse(await spareWith('0123456789'), 6);
      expect((await stat(path)).size).toBe(6);
      expect(saving.bytes).toBe(6);
      await file.write([Buffer.from('abcdefgh')], 0);
      expect(saving.bytes).toBe(8);
      expect((await file.read(0, 100)).toString()).toBe('abcdefgh');
      await file.remove();
      expect(saving.spares.at(-1)).toMatchObject({ path, size: 8 });
    });

    it('counts bytes on the disk once, also where calls overlap', async () => {
      const file = await reuse(await spareWith('0123456789'), 10);
      await Promise.all([
        file.write([Buffer.alloc(20)], 0),
        file.write([Buffer.alloc(15)], 0),
        file.write([Buffer.alloc(5)], 0),
      ]);
      expect(saving.bytes).toBe(20);
      await file.remove();
      expect(saving.bytes).toBe(0);
    });

    it('is closed instead when somebody has removed its name', async () => {
      const spare = await spareWith('abc');
      await rm(path);
      expect(await reuseSpoolFile(spare, 3, saving)).toBeUndefined();
      expect(() => fstatSync(spare.descriptor)).toThrow('EBADF');
    });

    it('is given up when it cannot be cut', async () => {
      await writeFile(path, 'abc');
      const descriptor = openSync(path, 'r');
      expect(await reuseSpoolFile({ descriptor, path, size: 3 }, 1, saving)).toBeUndefined();
      expect(await readdir(folder)).toEqual([]);
      expect(() => closeSync(descriptor)).toThrow('EBADF');
    });

    it('is not one on which a call has failed', async () => {
      await writeFile(path, '');
      const file = new DiskSpoolFile(openSync(path, 'r'), path, saving);
      await expect(file.write([Buffer.alloc(10)], 0)).rejects.toThrow('EBADF');
      await file.remove();
      expect(saving.spares).toEqual([]);
      expect(await readdir(folder)).toEqual([]);
    });
  });
});
