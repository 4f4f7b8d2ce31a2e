import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { link, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../test/support/eventually.js';
import { CountingOwner } from '../../../test/support/counting-owner.js';
import { EarlySyncs } from './early-syncs.js';
import { DiskSpoolFile, createSpoolFile, reuseSpoolFile } from './spool-file.js';

/** Bytes after which a linked file is made durable, while more come. */
const EARLY_BYTES = 32 * 1024 * 1024;

describe('a spool file that is stored as it is', () => {
  let folder: string;
  let path: string;
  let stored: string;
  let owner: CountingOwner;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spool-file-'));
    path = join(folder, 'a.spool');
    stored = join(folder, 'a.content');
    owner = new CountingOwner(true);
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('is not written again, unless it could not be linked', async () => {
    for (const [place, saved, left] of [
      [join(folder, 'missing', 'a.content'), 1, ['a.spool']],
      [stored, 0, ['a.content']],
    ] as const) {
      owner = new CountingOwner(true);
      const file = await createSpoolFile(path, owner);
      await file.write([Buffer.from('abc')], 0);
      expect(await file.link(place)).toBe(saved === 0);
      await file.remove();
      expect(owner.spares).toHaveLength(saved);
      expect(await readdir(folder)).toEqual(left);
      for (const { descriptor } of owner.spares) closeSync(descriptor);
      await rm(path, { force: true });
    }
  });

  it('is neither cut nor written again where nobody knew of its other name', async () => {
    const file = await createSpoolFile(path, owner);
    await file.write([Buffer.from('abc')], 0);
    await file.remove();
    const [spare] = owner.spares;
    if (!spare) throw new Error('There is no spare file');
    await link(path, stored);
    expect(await reuseSpoolFile(spare, 1, owner)).toBeUndefined();
    expect(() => fstatSync(spare.descriptor)).toThrow('EBADF');
    expect(await readdir(folder)).toEqual(['a.content']);
    expect(await readFile(stored, 'utf8')).toBe('abc');
  });

  it('cannot be made durable, or kept, once that has failed', async () => {
    await writeFile(path, 'abc');
    const descriptor = openSync(path, 'r+');
    const file = new DiskSpoolFile(descriptor, path, owner);
    closeSync(descriptor);
    await expect(file.sync()).rejects.toThrow('EBADF');
    // Its disk works again.
    expect(openSync(path, 'r+')).toBe(descriptor);
    await expect(file.sync()).rejects.toThrow('EBADF');
    await expect(file.keep(join(folder, 'b.upload'), () => Promise.resolve())).rejects.toThrow('EBADF');
    await file.remove();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is made durable while it is written, each time that much has come', async () => {
    const begun = jest.spyOn(owner.earlySyncs, 'begin').mockReturnValue(true);
    const file = await createSpoolFile(path, owner);
    const block = [Buffer.alloc(EARLY_BYTES)];
    await file.write(block, 0);
    expect(begun).not.toHaveBeenCalled();
    await file.link(stored);
    begun.mockReturnValueOnce(false);
    await file.write([Buffer.alloc(1)], EARLY_BYTES);
    // Another file was being synced.
    await file.write([Buffer.alloc(1)], EARLY_BYTES + 1);
    await file.write([Buffer.alloc(1)], EARLY_BYTES + 2);
    expect(begun).toHaveBeenCalledTimes(2);
    await file.write(block, EARLY_BYTES + 3);
    expect(begun).toHaveBeenCalledTimes(3);
    await file.remove();
  });
});

describe('a spool file on a disk that fails to make it durable', () => {
  it('takes and gives nothing more, whoever found that out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spool-file-'));
    const path = join(folder, 'a.spool');
    await writeFile(path, '');
    // It takes every byte, and cannot be synced.
    const file = new DiskSpoolFile(openSync('/dev/null', 'r+'), path, new CountingOwner(true));
    expect(await file.link(join(folder, 'a.content'))).toBe(true);
    await file.write([Buffer.alloc(EARLY_BYTES)], 0);
    await eventually(() => Promise.resolve(expect(file.isDamaged).toBe(true)));
    await expect(file.write([Buffer.alloc(1)], EARLY_BYTES)).rejects.toThrow('EINVAL');
    await expect(file.read(0, 10)).rejects.toThrow('EINVAL');
    await expect(file.sync()).rejects.toThrow('EINVAL');
    await expect(file.keep(join(folder, 'b.upload'), () => Promise.resolve())).rejects.toThrow('EINVAL');
    await file.remove();
    await rm(folder, { recursive: true });
  });

  it('gives back once what two cut off at the same time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'spool-file-'));
    const path = join(folder, 'a.spool');
    await writeFile(path, 'of another');
    const owner = new CountingOwner();
    owner.take(10);
    const file = new DiskSpoolFile(openSync(path, 'r+'), path, owner, 10);
    await file.write([Buffer.from('abc')], 0);
    await Promise.all([file.sync(), file.sync()]);
    expect([file.size, owner.bytes, await readFile(path, 'utf8')]).toEqual([3, 3, 'abc']);
    await file.remove();
    expect(owner.bytes).toBe(0);
    await rm(folder, { recursive: true });
  });
});

describe('early syncs', () => {
  it('are one at a time, whether they succeed or not', async () => {
    const syncs = new EarlySyncs();
    const first = Promise.withResolvers<void>();
    expect(syncs.begin(() => first.promise)).toBe(true);
    expect(syncs.begin(() => Promise.resolve())).toBe(false);
    first.reject(new Error('the disk is broken'));
    await new Promise(setImmediate);
    expect(syncs.begin(() => Promise.resolve())).toBe(true);
    await new Promise(setImmediate);
    expect(syncs.begin(() => Promise.resolve())).toBe(true);
  });
});
