import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskSpoolFile, type SpoolFileOwner, createSpoolFile } from './spool-file.js';

class CountingOwner implements SpoolFileOwner {
  bytes = 0;
  problems: unknown[] | undefined;

  take(bytes: number): void {
    this.bytes += bytes;
  }

  give(bytes: number): void {
    this.bytes -= bytes;
  }

  removed(_: unknown, problems: readonly unknown[]): void {
    this.problems = [...problems];
  }
}

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

  it('is gone once it is removed, and gives its bytes back', async () => {
    const file = await createSpoolFile(path, owner);
    await file.write([Buffer.alloc(1000)], 0);
    await Promise.all([file.remove(), file.remove()]);
    await file.remove();
    expect(await readdir(folder)).toEqual([]);
    expect(owner).toEqual({ bytes: 0, problems: [] });
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
    await file.keep(join(folder, 'b.upload'));
    expect(await readdir(folder)).toEqual(['b.upload']);
    expect(owner).toEqual({ bytes: 0, problems: [] });
    expect((await file.read(0, 3)).toString()).toBe('abc');
    await file.remove();
    expect(await readdir(folder)).toEqual(['b.upload']);
    expect(owner).toEqual({ bytes: 0, problems: [] });
  });
});
