import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestSpool } from '../../../test/support/accepted.js';
import { SpoolOwner } from './spool-owner.service.js';

const BYTES = Buffer.from('abc');
const REFUSED = { code: 'QUEUE_UNAVAILABLE' };

describe('the owner of the accepted files', () => {
  let spool: TestSpool;

  beforeEach(async () => {
    spool = await TestSpool.make();
  });
  afterEach(() => spool.remove());

  /** As a process with that database sees the folder. */
  function ownerOf(databaseId: string, hasPromised = false, files = spool.files): SpoolOwner {
    return new SpoolOwner(spool.path, files, { origin: () => Promise.resolve({ databaseId, hasPromised }) });
  }

  it('is the database that comes first, for all its processes', async () => {
    await Promise.all([ownerOf('one').claim(), ownerOf('one').claim(), ownerOf('one').claim()]);
    await spool.accept(BYTES);
    expect(await ownerOf('one').isOurs()).toBe(true);
    await ownerOf('one').claim();
    expect((await readdir(spool.path)).toSorted()).toEqual(['accepted', 'database-id']);
  });

  it('stays the same while there is a file, whatever another database has promised', async () => {
    await ownerOf('one').claim();
    await spool.accept(BYTES);
    const other = ownerOf('two', true);
    await expect(other.claim()).rejects.toMatchObject(REFUSED);
    expect(await other.isOurs()).toBe(false);
    expect(other.isForeign).toBe(true);
    await ownerOf('one').claim();
  });

  it('is another database once the folder is empty, and the former one notices', async () => {
    const former = ownerOf('one');
    await former.claim();
    const uploadId = await spool.accept(BYTES);
    const other = ownerOf('two');
    expect(await other.isOurs()).toBe(false);
    await spool.files.remove(uploadId);
    expect(await other.isOurs()).toBe(true);
    expect(other.isForeign).toBe(false);
    await other.claim();
    await expect(former.confirm()).rejects.toMatchObject(REFUSED);
    await spool.accept(BYTES);
    await expect(former.claim()).rejects.toMatchObject(REFUSED);
    await other.confirm();
  });

  it('stays the same when a file comes while another database takes the folder', async () => {
    const former = ownerOf('one');
    await former.claim();
    let looks = 0;
    const files = spool.filesOf();
    const isEmpty = files.isEmpty.bind(files);
    files.isEmpty = async () => {
      looks += 1;
      if (looks === 2) await spool.accept(BYTES);
      return isEmpty();
    };
    await expect(ownerOf('two', false, files).claim()).rejects.toMatchObject(REFUSED);
    await former.confirm();
    expect((await readdir(spool.path)).toSorted()).toEqual(['accepted', 'database-id']);
  });

  it('of files from before there was one is a database that has promised something', async () => {
    await spool.accept(BYTES);
    expect(await ownerOf('two').isOurs()).toBe(false);
    await expect(ownerOf('two').claim()).rejects.toMatchObject(REFUSED);
    expect(await ownerOf('one', true).isOurs()).toBe(true);
    expect(await ownerOf('two', true).isOurs()).toBe(false);
  });

  it('is not made out where the file that names it is damaged', async () => {
    await spool.accept(BYTES);
    await writeFile(join(spool.path, 'database-id'), '');
    expect(await ownerOf('one', true).isOurs()).toBe(false);
  });

  it('is of no interest while there is no file: the database is not asked', async () => {
    const owner = new SpoolOwner(spool.path, spool.files, {
      origin: () => Promise.reject(new Error('away')),
    });
    expect(await owner.isOurs()).toBe(true);
    await spool.accept(BYTES);
    await expect(owner.isOurs()).rejects.toThrow('away');
  });

  it('is named anew when the folder was replaced', async () => {
    const owner = ownerOf('one');
    await owner.claim();
    await rm(spool.path, { recursive: true });
    await expect(owner.confirm()).rejects.toMatchObject(REFUSED);
    await owner.claim();
    await owner.confirm();
  });
});
