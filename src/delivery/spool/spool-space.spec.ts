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
      { path: spool.path, maxBytes: 0, minFreeBytes: 0, maxAgeMs: 0, ...options },
      spool.files,
    );
    opened.push(space);
    await space.onModuleInit();
    return space;
  }

  function refusal(space: SpoolSpace, bytes?: number): unknown {
    try {
      space.admit(bytes).release();
      return undefined;
    } catch (error) {
      return error;
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
    const first = space.admit(500);
    const second = space.admit(200);
    expect(space.report()).toMatchObject({ reservedBytes: 700, shut: undefined });
    expect(refusal(space, 301)).toMatchObject(full);
    first.release();
    first.release();
    expect(refusal(space, 301)).toBeUndefined();
    second.release();
    expect(space.report().reservedBytes).toBe(0);
  });

  it('asks for room again when an upload is larger than was thought', async () => {
    const space = await spaceOf({ maxBytes: 1000 });
    const admission = space.admit();
    admission.resize(700);
    expect(() => admission.resize(1001)).toThrow('SPOOL_FULL');
    expect(space.report().reservedBytes).toBe(700);
    admission.resize(10);
    expect(space.report().reservedBytes).toBe(10);
    admission.release();
  });

  it('stays shut for all, known length or not, until it has drained to four fifths', async () => {
    const space = await spaceOf({ maxBytes: 1000 });
    const uploads = [await spool.accept(randomBytes(850)), await spool.accept(randomBytes(100))];
    expect(refusal(space, 51)).toMatchObject(full);
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

  it('leaves the disk its free space, with what is reserved and kept since it was looked at', async () => {
    const { bavail, bsize } = await statfs(spool.path);
    const free = bavail * bsize;
    const space = await spaceOf({ minFreeBytes: free - 10 * GIB });
    expect(space.report().freeBytes).toBeGreaterThan(free - GIB);
    const admission = space.admit(8 * GIB);
    expect(refusal(space, 8 * GIB)).toMatchObject(full);
    // Less than twice what must stay free: whatever the size, until the disk has more room.
    expect(refusal(space, 1)).toMatchObject(full);
    expect(space.report().shut).toBe('disk');
    admission.release();
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
