import { randomBytes } from 'node:crypto';
import { open, readdir, truncate, unlink } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestSpool, digestOf } from '../../../test/support/accepted.js';
import { eventually } from '../../../test/support/eventually.js';
import { collect } from '../../../test/support/spooled-bodies.js';
import type { ReplayableBody } from '../../storage/replayable-body.js';

const KIB = 1024;
const SIZE = 1000 * KIB;
const never = new AbortController().signal;
const damaged = { reason: 'spool_damaged' };
const missing = { reason: 'spool_file_missing' };

describe('the body of an accepted file', () => {
  const bytes = randomBytes(SIZE);
  let spool: TestSpool;
  let path: string;
  let body: ReplayableBody;

  beforeEach(async () => {
    spool = await TestSpool.make();
    const uploadId = await spool.accept(bytes);
    path = spool.pathOf(uploadId);
    body = await spool.files.open(uploadId, digestOf(bytes));
  });

  afterEach(() => spool.remove());

  async function descriptors(): Promise<number> {
    return (await readdir('/proc/self/fd')).length;
  }

  async function change(position: number): Promise<void> {
    const file = await open(path, 'r+');
    await file.write(Buffer.from([(bytes[position] ?? 0) ^ 1]), 0, 1, position);
    await file.close();
  }

  /** What comes before it fails, and that no end comes. */
  async function bytesBeforeFailure(stream: Readable, failure: object = damaged): Promise<number> {
    let size = 0;
    let ended = false;
    stream.on('data', (chunk: Buffer) => (size += chunk.length)).on('end', () => (ended = true));
    await expect(finished(stream)).rejects.toMatchObject(failure);
    expect(ended).toBe(false);
    return size;
  }

  it('is read by any number of attempts, at once and one after another', async () => {
    const before = await descriptors();
    const read = await Promise.all(Array.from({ length: 10 }, () => collect(body.open(never))));
    expect(read.every((all) => all.equals(bytes))).toBe(true);
    expect((await collect(body.open(never))).equals(bytes)).toBe(true);
    await eventually(async () => expect(await descriptors()).toBeLessThanOrEqual(before));
  });

  it('gives any part of it, beside those who read all', async () => {
    const parts = [
      [0, 1],
      [300 * KIB + 1, 300 * KIB],
      [SIZE - 7, 7],
    ] as const;
    for (const [from, size] of parts) {
      const part = body.ranges?.read(from, size, never);
      expect(part && (await collect(part)).equals(bytes.subarray(from, from + size))).toBe(true);
    }
  });

  it('tells why a part of it cannot be read, and leaves no file open', async () => {
    const before = await descriptors();
    const part = (signal = never): Readable => {
      const stream = body.ranges?.read(300 * KIB, 400 * KIB, signal);
      if (!stream) throw new Error('it has no ranges');
      return stream;
    };
    const controller = new AbortController();
    const aborted = part(controller.signal);
    const reason = new Error('nobody waits');
    controller.abort(reason);
    await expect(collect(aborted)).rejects.toBe(reason);
    await truncate(path, 500 * KIB);
    await expect(collect(part())).rejects.toMatchObject(damaged);
    await unlink(path);
    await expect(collect(part())).rejects.toMatchObject(missing);
    await eventually(async () => expect(await descriptors()).toBeLessThanOrEqual(before));
  });

  it('comes in large blocks, and only as far as it is wanted', async () => {
    const stream = body.open(never);
    stream.read(0);
    await eventually(async () => expect(stream.readableLength).toBeGreaterThan(0));
    expect(stream.readableLength).toBe(256 * KIB);
    stream.destroy();
  });

  it('is the same when it has no byte', async () => {
    const uploadId = await spool.accept(Buffer.alloc(0));
    const empty = await spool.files.open(uploadId, digestOf(Buffer.alloc(0)));
    expect(await collect(empty.open(never))).toHaveLength(0);
  });

  it('tells before the last block goes, and when it has gone', async () => {
    const told: number[] = [];
    const uploadId = await spool.accept(bytes);
    const fenced = await spool.files.open(uploadId, digestOf(bytes), {
      mayFinish: () => told.push(-1),
      finished: () => told.push(taken),
    });
    let taken = 0;
    const stream = fenced.open(never).on('data', ({ length }: Buffer) => (taken += length));
    expect([fenced.handedOver, fenced.bytesTaken]).toEqual([false, 0]);
    await finished(stream);
    expect(told).toEqual([-1, expect.any(Number), SIZE]);
    expect(told[1]).toBeLessThan(SIZE);
    expect([fenced.handedOver, fenced.bytesTaken]).toEqual([true, SIZE]);
  });

  it.each([SIZE, 0])('never ends where that is forbidden: %i bytes', async (size) => {
    const lost = new Error('another replica has it');
    const uploadId = await spool.accept(bytes.subarray(0, size));
    const fenced = await spool.files.open(uploadId, digestOf(bytes.subarray(0, size)), {
      mayFinish: () => {
        throw lost;
      },
      finished: () => expect(lost).toBeUndefined(),
    });
    const given = await bytesBeforeFailure(fenced.open(never), lost);
    expect(given).toBeLessThanOrEqual(size - (size % (256 * KIB)));
    expect(fenced.handedOver).toBe(false);
  });

  it.each([
    ['first', 0],
    ['last', SIZE - 1],
    ['middle', SIZE / 2],
  ])(
    'never ends, nor gives its last block, when its %s byte was changed on the disk',
    async (_, position) => {
      await change(position);
      expect(await bytesBeforeFailure(body.open(never))).toBeLessThan(SIZE);
    },
  );

  it('gives nothing when it became shorter or longer', async () => {
    await truncate(path, SIZE - 1);
    expect(await bytesBeforeFailure(body.open(never))).toBe(0);
    await truncate(path, SIZE + 1);
    expect(await bytesBeforeFailure(body.open(never))).toBe(0);
  });

  it('fails when it is cut off while it is read', async () => {
    const stream = body.open(never);
    stream.read(0);
    await eventually(async () => expect(stream.readableLength).toBeGreaterThan(0));
    await truncate(path, 300 * KIB);
    expect(await bytesBeforeFailure(stream)).toBeLessThan(SIZE);
  });

  it('fails when it is gone, unless it is open already', async () => {
    const stream = body.open(never);
    stream.read(0);
    await eventually(async () => expect(stream.readableLength).toBeGreaterThan(0));
    await unlink(path);
    expect((await collect(stream)).equals(bytes)).toBe(true);
    expect(await bytesBeforeFailure(body.open(never), missing)).toBe(0);
  });

  it('ends with the reason of the signal, and leaves nothing open', async () => {
    const before = await descriptors();
    const reason = new Error('the circuit opened');
    const abort = new AbortController();
    const streams = [body.open(abort.signal), body.open(abort.signal).resume()];
    abort.abort(reason);
    streams.push(body.open(abort.signal));
    for (const stream of streams) expect(stream.errored).toBe(reason);
    await eventually(async () => expect(await descriptors()).toBeLessThanOrEqual(before));
    expect((await collect(body.open(never))).equals(bytes)).toBe(true);
  });

  it('leaves nothing open when it is given up at any moment', async () => {
    const before = await descriptors();
    for (let round = 0; round < 20; round += 1) {
      const stream = body.open(never).resume();
      await new Promise((resolve) => setTimeout(resolve, round / 10));
      stream.destroy();
    }
    await eventually(async () => expect(await descriptors()).toBeLessThanOrEqual(before));
  });
});
