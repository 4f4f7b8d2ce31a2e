import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { SpoolFolder } from './spool-folder.service.js';

const OLD = '11111111-1111-4111-8111-111111111111.spool';
const YOUNG = '22222222-2222-4222-8222-222222222222.spool';

describe('the spool folder', () => {
  let root: string;
  let path: string;

  beforeEach(async () => {
    Logger.overrideLogger(false);
    root = await mkdtemp(join(tmpdir(), 'spool-folder-'));
    path = join(root, 'data', 'spool');
  });

  afterEach(async () => {
    jest.useRealTimers();
    await rm(root, { recursive: true });
  });

  async function leave(name: string, ageMs: number): Promise<void> {
    const time = new Date(Date.now() - ageMs);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, name), 'x');
    await utimes(join(path, name), time, time);
  }

  it('is made private at the start', async () => {
    await new SpoolFolder({ path, limitBytes: 0 }).onModuleInit();
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  it('is swept at the start of files that nobody has touched for an hour', async () => {
    await leave(OLD, 3_700_000);
    await leave(YOUNG, 3_500_000);
    await new SpoolFolder({ path, limitBytes: 0 }).onModuleInit();
    expect(await readdir(path)).toEqual([YOUNG]);
  });

  it('keeps what is not its own, however old', async () => {
    await leave('passwords.txt', 1e9);
    await mkdir(join(path, OLD));
    await utimes(join(path, OLD), new Date(0), new Date(0));
    await new SpoolFolder({ path, limitBytes: 0 }).onModuleInit();
    expect((await readdir(path)).toSorted()).toEqual([OLD, 'passwords.txt'].toSorted());
  });

  it('lets the service start where it cannot be made', async () => {
    await writeFile(join(root, 'data'), 'a file is in the way');
    const folder = new SpoolFolder({ path, limitBytes: 0 });
    await folder.onModuleInit();
    await expect(folder.create()).rejects.toThrow('ENOTDIR');
    expect(folder.usage().files).toBe(0);
  });

  it('is made again when somebody has removed it', async () => {
    const folder = new SpoolFolder({ path, limitBytes: 0 });
    await folder.onModuleInit();
    await rm(path, { recursive: true });
    const file = await folder.create();
    expect(await readdir(path)).toHaveLength(1);
    await file.remove();
  });

  it('counts files, bytes and the age of the oldest', async () => {
    let now = 1000;
    const clock = { monotonicMs: () => now, wallMs: () => 0 };
    const folder = new SpoolFolder({ path, limitBytes: 500 }, clock);
    const first = await folder.create();
    now += 50;
    const second = await folder.create();
    await first.write([Buffer.alloc(100)], 0);
    await second.write([Buffer.alloc(200)], 0);
    now += 7;
    expect(folder.usage()).toEqual({ bytes: 300, files: 2, spareBytes: 0, limitBytes: 500, oldestAgeMs: 57 });
    await first.remove();
    expect(folder.usage()).toEqual({ bytes: 200, files: 1, spareBytes: 0, limitBytes: 500, oldestAgeMs: 7 });
    await second.remove();
    expect(folder.usage()).toEqual({ bytes: 0, files: 0, spareBytes: 0, limitBytes: 500, oldestAgeMs: 0 });
    expect(await readdir(path)).toEqual([]);
  });

  it('takes no more bytes than its limit, over all files', async () => {
    const folder = new SpoolFolder({ path, limitBytes: 150 });
    const first = await folder.create();
    const second = await folder.create();
    await first.write([Buffer.alloc(100)], 0);
    await expect(second.write([Buffer.alloc(51)], 0)).rejects.toThrow('limit');
    await first.remove();
    expect(await second.write([Buffer.alloc(51)], 0)).toBe(51);
    await second.remove();
  });

  it('touches the files that are in use, and has no timer when there is none', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const folder = new SpoolFolder({ path, limitBytes: 0 });
    const file = await folder.create();
    const [name = ''] = await readdir(path);
    await utimes(join(path, name), new Date(0), new Date(0));
    expect(jest.getTimerCount()).toBe(1);
    await jest.advanceTimersByTimeAsync(600_000);
    for (let tries = 0; (await stat(join(path, name))).mtimeMs === 0 && tries < 1000; tries += 1);
    expect((await stat(join(path, name))).mtimeMs).toBeGreaterThan(0);
    await file.remove();
    expect(jest.getTimerCount()).toBe(0);
  });

  describe('with spare files', () => {
    it('writes a file again, under the same name, for a body of about its size', async () => {
      const folder = new SpoolFolder({ path, limitBytes: 0, spareBytes: 1_000 });
      const first = await folder.create(100);
      await first.write([Buffer.alloc(100, 'a')], 0);
      const names = await readdir(path);
      await first.remove();
      expect(folder.usage()).toMatchObject({ bytes: 0, files: 0, spareBytes: 100, oldestAgeMs: 0 });
      const second = await folder.create(80);
      expect(await readdir(path)).toEqual(names);
      expect(folder.usage()).toMatchObject({ bytes: 80, files: 1, spareBytes: 0 });
      await second.write([Buffer.from('b')], 0);
      expect((await second.read(0, 100)).toString()).toBe('b');
      await second.remove();
      await folder.onApplicationShutdown();
      expect(await readdir(path)).toEqual([]);
      expect(folder.usage()).toMatchObject({ bytes: 0, files: 0, spareBytes: 0 });
    });

    it('makes a new file for a body of unknown length, and where the spare is gone', async () => {
      const folder = new SpoolFolder({ path, limitBytes: 0, spareBytes: 1_000 });
      const first = await folder.create(100);
      await first.write([Buffer.alloc(100)], 0);
      const [name = ''] = await readdir(path);
      await first.remove();
      const unknown = await folder.create();
      expect(await readdir(path)).toHaveLength(2);
      await rm(join(path, name));
      const other = await folder.create(100);
      expect(await readdir(path)).toHaveLength(2);
      await Promise.all([unknown.remove(), other.remove()]);
      await folder.onApplicationShutdown();
      expect(await readdir(path)).toEqual([]);
    });

    it('gives them up for bytes that would else be too many', async () => {
      const folder = new SpoolFolder({ path, limitBytes: 150, spareBytes: 1_000 });
      const first = await folder.create(100);
      await first.write([Buffer.alloc(100)], 0);
      await first.remove();
      expect(folder.usage().spareBytes).toBe(100);
      const second = await folder.create();
      expect(await second.write([Buffer.alloc(40)], 0)).toBe(40);
      expect(folder.usage().spareBytes).toBe(100);
      expect(await second.write([Buffer.alloc(100)], 40)).toBe(100);
      expect(folder.usage()).toMatchObject({ bytes: 140, spareBytes: 0 });
      await second.remove();
      await folder.onApplicationShutdown();
    });
  });
});
