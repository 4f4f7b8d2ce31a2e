import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { finished } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { SlowDisk, bodyOn, collect, cut, turns, writeAll } from '../../../test/support/spooled-bodies.js';
import { MemoryBudget } from '../memory-budget.js';
import type { SpoolFile } from './spool-file.js';

const KIB = 1024;
const never = new AbortController().signal;
const abortReason = new Error('a reader was aborted');

describe('a spooled body', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('uses no disk for what fits into its memory', async () => {
    const disk = new SlowDisk();
    const { body } = bodyOn(disk, 6024);
    body.write(Buffer.alloc(6000));
    body.write(Buffer.alloc(24));
    body.end();
    expect(body.whenWritable).toBeUndefined();
    expect(await collect(body.open(0, never))).toHaveLength(6024);
    expect(await collect(body.open(6000, never))).toHaveLength(24);
    await body.dispose();
    expect(disk.made).toBe(0);
  });

  it('hands bytes to a reader that keeps up before the disk has them', async () => {
    const { body } = bodyOn({ create: () => new Promise(() => undefined) }, 100);
    const got: Buffer[] = [];
    body.open(0, never).on('data', (chunk: Buffer) => got.push(chunk));
    await turn();
    const chunks = [Buffer.alloc(5000, 1), Buffer.alloc(5000, 2)];
    for (const chunk of chunks) body.write(chunk);
    // The very same memory, in the same turn.
    expect(got.map(({ buffer }) => buffer)).toEqual(chunks.map(({ buffer }) => buffer));
  });

  it('is held no longer than its write takes where memory becomes short by what others hold', async () => {
    const { body, budget } = bodyOn(new SlowDisk(), 50 * KIB, new MemoryBudget(100 * KIB));
    body.open(0, never).resume();
    await turn();
    body.write(Buffer.alloc(10 * KIB));
    expect(body.whenWritable).toBeUndefined();
    budget.take(1_000 * KIB);
    const held = body.whenWritable;
    expect(held).toBeDefined();
    await held;
    await body.dispose();
  });

  it('is not held up by a reader that takes nothing', async () => {
    const { body, budget } = bodyOn(new SlowDisk(), 200 * KIB);
    const stream = body.open(0, never);
    const { all, chunks } = cut(Array.from({ length: 60 }, () => 64 * KIB));
    stream.read(0);
    let most = 0;
    for (const chunk of chunks) {
      body.write(chunk);
      most = Math.max(most, budget.usedBytes);
      await body.whenWritable;
    }
    body.end();
    expect(most).toBeLessThan(200 * KIB + 2 * 64 * KIB);
    expect((await collect(stream)).equals(all)).toBe(true);
    await body.dispose();
  });

  it('waits for a reader that is hardly slower, so that nothing is read back from the disk', async () => {
    // Time stands still, and so no patience is used up.
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const disk = new SlowDisk();
    const { body } = bodyOn(disk, 200 * KIB);
    const { all, chunks } = cut(Array.from({ length: 60 }, () => 64 * KIB));
    const stream = body.open(0, never);
    const got: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => {
      got.push(chunk);
      stream.pause();
      void turns(6).then(() => stream.resume());
    });
    await writeAll(body, chunks);
    body.end();
    await finished(stream);
    expect(Buffer.concat(got).equals(all)).toBe(true);
    expect(disk.reads).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
    await body.dispose();
  });

  it('leaves a reader that stops after a moment, and serves it from the disk when it goes on', async () => {
    const disk = new SlowDisk();
    const { body } = bodyOn(disk, 200 * KIB);
    const { all, chunks } = cut(Array.from({ length: 30 }, () => 64 * KIB));
    const stream = body.open(0, never);
    stream.read(0);
    await writeAll(body, chunks);
    body.end();
    expect((await collect(stream)).equals(all)).toBe(true);
    expect(disk.reads).toBeGreaterThan(0);
    await body.dispose();
  });

  it('holds the writer up for the disk', async () => {
    const { body } = bodyOn(new SlowDisk(), 1000);
    body.write(Buffer.alloc(5000));
    expect(body.whenWritable).toBeInstanceOf(Promise);
    await body.whenWritable;
    expect(body.whenWritable).toBeUndefined();
    await body.dispose();
  });

  it('goes to the disk early where the process is short of memory', async () => {
    const budget = new MemoryBudget(10_000);
    const disk = new SlowDisk();
    const { body: first } = bodyOn(disk, 20_000, budget);
    const { body: second } = bodyOn(disk, 20_000, budget);
    first.write(Buffer.alloc(9000));
    await turns(5);
    expect(disk.made).toBe(0);
    second.write(Buffer.alloc(5000));
    await second.whenWritable;
    expect(budget.usedBytes).toBe(9000);
    await Promise.all([first.dispose(), second.dispose()]);
    expect(budget.usedBytes).toBe(0);
  });

  it('ends no reader before its own end', async () => {
    const { body } = bodyOn(new SlowDisk());
    const stream = body.open(0, never);
    const bytes = collect(stream);
    await writeAll(body, [Buffer.alloc(3000)]);
    await turns(20);
    expect(stream.readableEnded).toBe(false);
    body.end();
    expect(await bytes).toHaveLength(3000);
    await body.dispose();
  });

  it('gives an empty body an end as well', async () => {
    const { body } = bodyOn(new SlowDisk());
    const early = collect(body.open(0, never));
    body.end();
    expect(await early).toHaveLength(0);
    expect(await collect(body.open(0, never))).toHaveLength(0);
    await body.dispose();
  });

  it('destroys every reader, now and later, with the error it failed with', async () => {
    const disk = new SlowDisk();
    const { body, budget } = bodyOn(disk);
    const readers = [body.open(0, never), body.open(0, never)];
    readers[0]?.resume();
    await writeAll(body, [Buffer.alloc(3000)]);
    const error = new Error('the file is too large');
    body.fail(error);
    body.fail(new Error('another'));
    body.write(Buffer.alloc(10));
    readers.push(body.open(0, never));
    for (const reader of readers) expect(reader.errored).toBe(error);
    expect(body.whenWritable).toBeUndefined();
    expect(body.replayable).toBe(false);
    await body.dispose();
    expect({ open: disk.open, memory: budget.usedBytes }).toEqual({ open: 0, memory: 0 });
  });

  it('leaves nothing behind when it fails, before it is disposed of', async () => {
    const disk = new SlowDisk();
    const budget = new MemoryBudget(1000);
    const { body } = bodyOn(disk, 1000, budget);
    bodyOn(disk, 1000, budget);
    await writeAll(body, [Buffer.alloc(3000)]);
    expect({ open: disk.open, share: budget.shareBytes }).toEqual({ open: 1, share: 500 });
    body.fail(new Error('the file is too large'));
    await turns(5);
    expect({ open: disk.open, memory: budget.usedBytes, share: budget.shareBytes }).toEqual({
      open: 0,
      memory: 0,
      share: 1000,
    });
  });

  it('leaves no listener on the signal of a reader that has ended', async () => {
    const { body } = bodyOn(new SlowDisk());
    const abort = new AbortController();
    const bytes = collect(body.open(0, abort.signal));
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1);
    body.end();
    await bytes;
    await turn();
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
    await body.dispose();
  });

  it('takes a disk that takes no bytes for a full one', async () => {
    const { body, failures } = bodyOn(new SlowDisk(Infinity, 0), 1000);
    const stream = body.open(0, never).resume();
    await writeAll(body, [Buffer.alloc(3000), Buffer.alloc(3000)]);
    body.end();
    await finished(stream);
    expect(failures).toHaveLength(1);
    await body.dispose();
  });

  it('lets a writer go that waits when it fails', async () => {
    const { body } = bodyOn({ create: () => new Promise(() => undefined) }, 10);
    body.write(Buffer.alloc(100));
    const waiting = body.whenWritable;
    expect(waiting).toBeInstanceOf(Promise);
    body.fail(new Error('the client left'));
    await waiting;
  });

  it('destroys only the reader whose signal aborts, with the reason of the signal', async () => {
    const { body } = bodyOn(new SlowDisk());
    const abort = new AbortController();
    const left = body.open(0, abort.signal);
    const staying = collect(body.open(0, never));
    await writeAll(body, [Buffer.alloc(2000)]);
    abort.abort(abortReason);
    expect(left.errored).toBe(abortReason);
    expect(body.open(0, abort.signal).errored).toBe(abortReason);
    body.end();
    expect(await staying).toHaveLength(2000);
    await body.dispose();
  });

  it('refuses an offset that has not come yet', async () => {
    const { body } = bodyOn(new SlowDisk());
    body.write(Buffer.alloc(10));
    expect(() => body.open(11, never)).toThrow(RangeError);
    expect(() => body.open(-1, never)).toThrow(RangeError);
    expect(() => body.open(0.5, never)).toThrow(RangeError);
    await body.dispose();
  });

  it('goes on at the pace of its reader when the disk is full, and says that it is not replayable', async () => {
    const disk = new SlowDisk(1500);
    const { body, failures } = bodyOn(disk, 1000);
    const stream = body.open(0, never);
    const { all, chunks } = cut(Array.from({ length: 100 }, () => 900));
    const bytes = collect(stream);
    await writeAll(body, chunks);
    body.end();
    expect((await bytes).equals(all)).toBe(true);
    expect(body.replayable).toBe(false);
    expect(failures.map(({ message }) => message)).toEqual(['ENOSPC: no space left on device']);
    const late = body.open(0, never).resume();
    await expect(finished(late)).rejects.toMatchObject({ code: 'SPOOL_FULL' });
    // The disk is short: what no longer helps is gone before the upload is.
    expect(disk.open).toBe(0);
    await body.dispose();
  });

  it('holds the writer up for its reader when the disk is full', async () => {
    const { body } = bodyOn(new SlowDisk(0), 1000);
    const stream = body.open(0, never);
    body.write(Buffer.alloc(2000));
    await turns(20);
    expect(body.whenWritable).toBeInstanceOf(Promise);
    expect(body.replayable).toBe(true);
    stream.resume();
    await body.whenWritable;
    expect(body.replayable).toBe(false);
    await body.dispose();
  });

  it('gives what is on the full disk, and then what is in memory, as long as nothing is lost', async () => {
    const { body, failures } = bodyOn(new SlowDisk(1000), 1500);
    const { all, chunks } = cut([500, 500, 500, 500, 500, 500]);
    for (const chunk of chunks) {
      body.write(chunk);
      await turns(10);
    }
    expect(failures).toHaveLength(1);
    expect(body.replayable).toBe(true);
    const stream = body.open(0, never);
    body.end();
    expect((await collect(stream)).equals(all)).toBe(true);
    await body.dispose();
  });

  it('fails a reader whose bytes cannot be read from the disk', async () => {
    const disk = new SlowDisk();
    const create = async (): Promise<SpoolFile> => {
      const file = await disk.create();
      return { ...file, read: () => Promise.reject(new Error('EIO: i/o error')) };
    };
    const { body } = bodyOn({ create }, 100);
    await writeAll(body, [Buffer.alloc(1000)]);
    await expect(collect(body.open(0, never))).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    await body.dispose();
    expect(disk.open).toBe(0);
  });
});
