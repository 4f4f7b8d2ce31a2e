import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestSpool } from '../../../test/support/accepted.js';
import type { DurableBody } from '../../resilience/body-source.js';
import { SpoolOwner } from './spool-owner.service.js';
import { SpoolRoom } from './spool-room.service.js';
import { SpoolSpace } from './spool-space.service.js';

const BYTES = Buffer.alloc(300_000);
const ID = '550e8400-e29b-41d4-a716-446655440000';

describe('the room of the spool', () => {
  let spool: TestSpool;
  let space: SpoolSpace;
  let owner: SpoolOwner;
  let room: SpoolRoom;

  beforeEach(async () => {
    Logger.overrideLogger(false);
    spool = await TestSpool.make();
    space = new SpoolSpace(
      {
        path: spool.path,
        maxBytes: 1_000_000,
        minFreeBytes: 0,
        maxAgeMs: 0,
        oldestWaitingAgeMs: () => Promise.resolve(0),
      },
      spool.files,
    );
    await space.onModuleInit();
    const origin = { databaseId: 'one', hasPromised: true };
    owner = new SpoolOwner(spool.path, spool.files, { origin: () => Promise.resolve(origin) });
    room = new SpoolRoom(spool.files, space, owner);
  });

  afterEach(async () => {
    space.onApplicationShutdown();
    await spool.remove();
  });

  const keep = (): Promise<unknown> =>
    spool.withBody(BYTES, (body: DurableBody) => room.keep(body, ID, BYTES.length));

  it('counts a file once, also while it is not promised yet', async () => {
    await spool.accept(Buffer.alloc(550_000));
    const confirm = owner.confirm.bind(owner);
    owner.confirm = async () => {
      expect(space.report()).toMatchObject({ bytes: 850_000, reservedBytes: 0 });
      // As another upload may be, in the time that a promise takes.
      space.admit('another', 100_000);
      space.release('another');
      return confirm();
    };
    await keep();
    expect(space.report()).toMatchObject({ bytes: 850_000, reservedBytes: 0, shut: undefined });
  });

  it('counts a file once in every moment in which it is kept', async () => {
    space.admit(ID, BYTES.length);
    const seen = new Set<number>();
    const find = spool.files.find.bind(spool.files);
    const lookAtEachStep = async (): Promise<void> => {
      for (let step = 0; step < 20; step += 1) {
        const { bytes, reservedBytes } = space.report();
        seen.add(bytes + reservedBytes);
        await Promise.resolve();
      }
    };
    // The last thing before it counts.
    spool.files.find = async (uploadId) => {
      const file = await find(uploadId);
      void lookAtEachStep();
      return file;
    };
    await keep();
    expect(space.report()).toMatchObject({ bytes: BYTES.length, reservedBytes: 0 });
    expect([...seen]).toEqual([BYTES.length]);
  });

  it('keeps a file that was admitted, whoever has come since', async () => {
    space.admit(ID, BYTES.length);
    space.admit('another', 700_000);
    await keep();
    expect(space.report()).toMatchObject({ bytes: BYTES.length, reservedBytes: 700_000 });
  });

  it('has what it had when a file is not kept', async () => {
    owner.claim = () => Promise.reject(new Error('the database is away'));
    await expect(keep()).rejects.toThrow('the database is away');
    expect(space.report()).toMatchObject({ bytes: 0, reservedBytes: 0 });
  });

  it('keeps nothing where another database has taken the folder meanwhile', async () => {
    owner.confirm = () => Promise.reject(new Error('another database'));
    await expect(keep()).rejects.toThrow('another database');
    expect(space.report()).toMatchObject({ bytes: 0, files: 0, reservedBytes: 0 });
  });
});
