import { randomUUID } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { IntentFiles } from '../../src/delivery/spool/intent-files.service.js';
import { SpoolSpace } from '../../src/delivery/spool/spool-space.service.js';
import { TestSpool, digestOf } from '../support/accepted.js';
import { smallDisk } from '../support/small-disk.js';
import { collect, cut } from '../support/spooled-bodies.js';

const KIB = 1024;
const never = new AbortController().signal;
/** With 40 names. */
const disk = smallDisk('size=2m,nr_inodes=40');
const { path } = disk;

const bytesOf = (size: number): Buffer => cut([size]).all;

disk.describe(`a spool on a disk of 2 MiB${disk.whyNot}`, () => {
  const spool = TestSpool.at(path);
  const filler = join(path, 'filler');

  beforeAll(async () => {
    Logger.overrideLogger(false);
    await spool.files.prepare();
  });

  afterEach(async () => {
    await rm(filler, { force: true });
    for (const name of await spool.files.list()) await spool.files.remove(name);
  });

  afterAll(() => disk.unmount());

  /** Nothing is there but the folder of accepted files and, in it, those of `uploadIds`. */
  function expectOnly(uploadIds: readonly string[]): void {
    expect(readdirSync(path).filter((name) => name !== 'filler')).toEqual(['accepted']);
    expect(readdirSync(join(path, 'accepted'))).toEqual(uploadIds.map((id) => expect.stringContaining(id)));
  }

  it.each([
    ['too large for the disk', 0, 4096],
    ['small, and is only written when it is kept', 2020, 60],
    ['a little larger than what is left', 1024, 1025],
  ])(
    'answers 507 for a body that is %s, leaves nothing, and takes the next when there is room',
    async (_, filled, size) => {
      if (filled > 0) writeFileSync(filler, Buffer.alloc(filled * KIB, 1));
      await expect(spool.accept(bytesOf(size * KIB))).rejects.toMatchObject({
        code: 'SPOOL_FULL',
        status: 507,
      });
      expectOnly([]);
      expect(spool.files.usage()).toMatchObject({ bytes: 0, files: 0 });
      expect(spool.folder.usage()).toMatchObject({ bytes: 0, files: 0 });
      await rm(filler, { force: true });
      const bytes = bytesOf(900 * KIB);
      const uploadId = await spool.accept(bytes);
      const body = await spool.files.open(uploadId, digestOf(bytes));
      expect((await collect(body.open(never))).equals(bytes)).toBe(true);
      expectOnly([uploadId]);
    },
  );

  it('keeps what fits and refuses the rest when many come at once, and what it kept is whole', async () => {
    const bytes = bytesOf(300 * KIB);
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => spool.accept(bytes)));
    const kept = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(refused.length).toBeGreaterThan(0);
    for (const error of refused) expect(error).toMatchObject({ code: 'SPOOL_FULL' });
    for (const uploadId of kept) {
      const body = await spool.files.open(uploadId, digestOf(bytes));
      expect((await collect(body.open(never))).equals(bytes)).toBe(true);
    }
    expect(readdirSync(path)).toEqual(['accepted']);
    expect(await spool.files.list()).toHaveLength(kept.length);
    await expect(spool.accept(bytesOf(100))).resolves.toBeDefined();
  });

  it('answers 507 when the disk has no name left', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `${filler}-${index}`);
    expect(() => names.forEach((name) => writeFileSync(name, ''))).toThrow('ENOSPC');
    await expect(spool.accept(bytesOf(10))).rejects.toMatchObject({ code: 'SPOOL_FULL' });
    for (const name of names) await rm(name, { force: true });
    expectOnly([]);
    await expect(spool.accept(bytesOf(10))).resolves.toBeDefined();
  });

  it('leaves nothing of an intent that does not fit', async () => {
    writeFileSync(filler, Buffer.alloc(2044 * KIB, 1));
    const intents = new IntentFiles(path);
    await expect(intents.write(randomUUID(), { text: 'x'.repeat(20 * KIB) })).rejects.toMatchObject({
      code: 'SPOOL_FULL',
    });
    expect(readdirSync(join(path, 'intents'))).toEqual([]);
    await rm(filler);
    await rm(join(path, 'intents'), { recursive: true });
  });

  it('refuses before a byte is read, by what is left of the disk, until twice as much is free', async () => {
    const oldestWaitingAgeMs = (): Promise<number> => Promise.resolve(0);
    const options = { path, maxBytes: 0, minFreeBytes: 512 * KIB, maxAgeMs: 0, oldestWaitingAgeMs };
    const space = new SpoolSpace(options, spool.files);
    await space.onModuleInit();
    const admit = (bytes?: number): void => {
      space.admit('probe', bytes);
      space.release('probe');
    };
    admit(1000 * KIB);
    expect(() => admit(2000 * KIB)).toThrow('SPOOL_FULL');
    admit(1000 * KIB);
    writeFileSync(filler, Buffer.alloc(1600 * KIB, 1));
    await space.check();
    expect(() => admit()).toThrow('SPOOL_FULL');
    expect(space.report()).toMatchObject({ shut: 'disk' });
    writeFileSync(filler, Buffer.alloc(1200 * KIB, 1));
    await space.check();
    const { bavail, bsize } = await statfs(path);
    expect(bavail * bsize).toBeGreaterThan(512 * KIB);
    expect(() => admit()).toThrow('SPOOL_FULL');
    await rm(filler);
    await space.check();
    admit(1000 * KIB);
    space.onApplicationShutdown();
  });
});
