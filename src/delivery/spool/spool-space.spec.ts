import { randomBytes } from 'node:crypto';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestSpool } from '../../../test/support/accepted.js';
import { SpoolSpace, type SpoolSpaceOptions } from './spool-space.service.js';

const GIB = 1024 ** 3;
const full = { code: 'SPOOL_FULL', status: 507, options: { retryAfterMs: 30_000 } };

describe('the space of the spool', () => {
  let spool: TestSpool;
  const opened: SpoolSpace[] = [];

  beforeEach(async () => {
    Logger.overrideLogger(false);
    spool = await TestSpool.make();
  });

  afterEach(async () => {
    for (const space of opened.splice(0)) space.onApplicationShutdown();
    await spool.remove();
  });

  async function spaceOf(options: Partial<SpoolSpaceOptions>): Promise<SpoolSpace> {
    const space = new SpoolSpace(
      {
        path: spool.path,
        maxBytes: 0,
        minFreeBytes: 0,
        maxAgeMs: 0,
        oldestWaitingAgeMs: () => Promise.resolve(0),
        ...options,
      },
      spool.files,
    );
    opened.push(space);
    await space.onModuleInit();
    return space;
  }

  /** What an upload of so many bytes is refused with; admitted, it is over at once. */
  function refusal(space: SpoolSpace, bytes?: number): unknown {
    try {
      space.admit('probe', bytes);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      space.release('probe');
    }
  }

  it('is not limited where no limit is set', async () => {
    const space = await spaceOf({});
    expect(refusal(space, 1e15)).toBeUndefined();
    expect(refusal(space)).toBeUndefined();
    expect(space.report()).toMatchObject({ bytes: 0, files: 0, limitBytes: 0, reservedBytes: 0 });
  });

  it('refuses what would be more than the limit, with what is there', async () => {
    const space = await spaceOf({ maxBytes: 1000 });
    await spool.accept(randomBytes(600));
    expect(refusal(space, 401)).toMatchObject(full);
    expect(refusal(space, 400)).toBeUndefined();
  });

  it('counts uploads that are admitted and not yet kept, until they are released', async () => {
    const space = await spaceOf({ maxBytes: 1000 });
    space.admit('first', 500);
    space.admit('second', 200);
    expect(space.report()).toMatchObject({ reservedBytes: 700, shut: undefined });
    expect([refusal(space, 301), refusal(space, 300)]).toMatchObject([full, undefined]);
    space.release('first');
    space.release('first');
    expect(space.report().reservedBytes).toBe(200);
    expect(refusal(space, 800)).toBeUndefined();
    space.release('second');
    expect(space.report().reservedBytes).toBe(0);
  });

  it('refuses the last of many for which there is room but for one', async () => {
    const space = await spaceOf({ maxBytes: 1000 });
    for (const id of ['a', 'b', 'c', 'd']) space.admit(id, 250);
    expect(() => space.admit('e', 250)).toThrow('SPOOL_FULL');
    expect(space.report()).toMatchObject({ reservedBytes: 1000, shut: undefined });
    expect(refusal(space)).toMatchObject(full);
    space.release('b');
    expect(() => space.admit('e', 250)).not.toThrow();
  });

  it('lets the room of an upload that declares nothing grow with what comes, as far as there is any', async () => {
    const space = await spaceOf({ maxBytes: 1000 });
    space.admit('growing', undefined);
    space.received('growing', 700);
    expect(space.report().reservedBytes).toBe(700);
    expect(() => space.received('growing', 1001)).toThrow('SPOOL_FULL');
    expect(space.report().reservedBytes).toBe(700);
    space.admit('growing', 800, 800);
    expect(space.report().reservedBytes).toBe(800);
    space.release('growing');
    expect(space.report().reservedBytes).toBe(0);
  });

  it('gives an upload that declares its bytes no more than those, and none to one that was not admitted', async () => {
    const space = await spaceOf({ maxBytes: 1000 });
    space.admit('declared', 300);
    space.received('declared', 310);
    space.received('another', 500);
    expect(space.report().reservedBytes).toBe(300);
  });

  it('lets those go on that were admitted, although it is shut by now', async () => {
    const space = await spaceOf({ maxBytes: 1000 });
    space.admit('early', 100);
    space.admit('growing', undefined);
    await spool.accept(randomBytes(1000));
    expect(space.report().shut).toBe('bytes');
    space.received('early', 100);
    space.admit('early', 100, 100);
    expect(() => space.received('growing', 2)).toThrow('SPOOL_FULL');
    expect(space.report().reservedBytes).toBe(101);
  });

  it('refuses what does not fit, and nothing else', async () => {
    const space = await spaceOf({ maxBytes: 1000 });
    await spool.accept(randomBytes(950));
    expect(refusal(space, 51)).toMatchObject(full);
    expect(space.report().shut).toBeUndefined();
    expect([refusal(space, 50), refusal(space)]).toEqual([undefined, undefined]);
  });

  it('is shut for all, once it is full, until it has drained to four fifths', async () => {
    const space = await spaceOf({ maxBytes: 1000 });
    const uploads = [await spool.accept(randomBytes(850)), await spool.accept(randomBytes(150))];
    expect(space.report().shut).toBe('bytes');
    expect([refusal(space, 1), refusal(space)]).toMatchObject([full, full]);
    await spool.files.remove(uploads[1] ?? '');
    expect(refusal(space, 1)).toMatchObject(full);
    await spool.files.remove(uploads[0] ?? '');
    expect(space.report().shut).toBeUndefined();
    expect(refusal(space, 51)).toBeUndefined();
  });

  it('counts what other processes keep, from the next look on', async () => {
    const space = await spaceOf({ maxBytes: 1000 });
    await TestSpool.at(spool.path).accept(randomBytes(990));
    await space.check();
    expect(refusal(space, 11)).toMatchObject(full);
  });

  it('leaves the disk its free space, with what is reserved', async () => {
    const { bavail, bsize } = await statfs(spool.path);
    const free = bavail * bsize;
    const space = await spaceOf({ minFreeBytes: free - 10 * GIB });
    expect(space.report().freeBytes).toBeGreaterThan(free - GIB);
    space.admit('large', 8 * GIB);
    expect(refusal(space, 8 * GIB)).toMatchObject(full);
    expect([refusal(space, 1), space.report().shut]).toEqual([undefined, undefined]);
  });

  it('does not count twice what is reserved and already on the disk', async () => {
    const { bavail, bsize } = await statfs(spool.path);
    const space = await spaceOf({ minFreeBytes: bavail * bsize - 10 * GIB });
    space.admit('large', 8 * GIB);
    expect(refusal(space, 5 * GIB)).toMatchObject(full);
    // As if they had been written: the disk, which has not changed, then has as much more.
    space.received('large', 8 * GIB);
    await space.check();
    expect(refusal(space, 5 * GIB)).toBeUndefined();
  });

  it('is shut while the disk has less than must stay free', async () => {
    const { bavail, bsize } = await statfs(spool.path);
    const space = await spaceOf({ minFreeBytes: bavail * bsize + GIB });
    expect([refusal(space, 1), space.report().shut]).toMatchObject([full, 'disk']);
  });

  it('takes nothing while the oldest that waits is too old', async () => {
    let ageMs = 999;
    const space = await spaceOf({ maxAgeMs: 1000, oldestWaitingAgeMs: () => Promise.resolve(ageMs) });
    expect(refusal(space, 1)).toBeUndefined();
    ageMs = 1001;
    await space.check();
    expect(refusal(space)).toMatchObject(full);
    expect(space.report().shut).toBe('age');
    ageMs = 0;
    await space.check();
    expect(refusal(space, 1)).toBeUndefined();
  });

  it('takes nothing where the folder cannot be used, and does again once it can', async () => {
    await rm(spool.path, { recursive: true });
    await writeFile(spool.path, 'a file is in the way');
    const space = await spaceOf({});
    expect(refusal(space, 1)).toMatchObject({ code: 'QUEUE_UNAVAILABLE', options: { retryAfterMs: 30_000 } });
    expect(space.report()).toMatchObject({ shut: 'unusable', freeBytes: undefined });
    await rm(spool.path);
    await space.check();
    expect(refusal(space, 1)).toBeUndefined();
  });
});
