import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DATABASE_ID, TestSpool } from '../../../test/support/accepted.js';
import type { DurableBody } from '../../body/body-source.js';
import { SpoolRoom } from './spool-room.service.js';
import { SpoolSpace } from './spool-space.service.js';

const BYTES = Buffer.alloc(300_000);
const ID = '550e8400-e29b-41d4-a716-446655440000';

describe('the room of the spool', () => {
  let spool: TestSpool;
  let space: SpoolSpace;
  const promises = {
    databaseId: () => Promise.resolve(DATABASE_ID),
    refuse: (names: readonly string[]) => Promise.resolve(names),
  };
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
    promises.databaseId = () => Promise.resolve(DATABASE_ID);
    const replicas = {
      spoolId: () => Promise.resolve('here'),
      hasOtherSpools: false,
      hasOthers: false,
      lacksSpoolId: false,
      isDrained: false,
      makesWay: false,
    };
    room = new SpoolRoom(spool.files, space, promises, replicas);
  });

  afterEach(async () => {
    space.onApplicationShutdown();
    await spool.remove();
  });

  const keep = (): Promise<unknown> =>
    spool.withBody(BYTES, (body: DurableBody) => room.keep(body, ID, BYTES.length));

  it('counts a file once in every moment in which it is kept', async () => {
    space.admit(ID, BYTES.length);
    const seen = new Set<number>();
    const keepIt = spool.files.keep.bind(spool.files);
    const lookAtEachStep = async (): Promise<void> => {
      for (let step = 0; step < 20; step += 1) {
        const { bytes, reservedBytes } = space.report();
        seen.add(bytes + reservedBytes);
        await Promise.resolve();
      }
    };
    // From just before it counts.
    spool.files.keep = (body, named, onCounted) =>
      keepIt(body, named, () => {
        queueMicrotask(() => void lookAtEachStep());
        onCounted?.();
      });
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
    promises.databaseId = () => Promise.reject(new Error('the database is away'));
    await expect(keep()).rejects.toThrow('the database is away');
    expect(space.report()).toMatchObject({ bytes: 0, reservedBytes: 0 });
  });
});
