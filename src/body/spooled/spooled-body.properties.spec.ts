import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import {
  type MadeBody,
  SlowDisk,
  bodyOn,
  collect,
  cut,
  turns,
} from '../../../test/support/spooled-bodies.js';
import type { SpooledBody } from './spooled-body.js';
import { MemoryBudget } from '../memory-budget.js';
import { eventually } from '../../../test/support/eventually.js';
import { casesOf } from '../../../test/support/long-run.js';

const KIB = 1024;
const never = new AbortController().signal;
const abortReason = new Error('a reader was aborted');

interface ReaderPlan {
  /** Is opened before this chunk, at this part of what came by then. */
  readonly from: number;
  readonly offset: number;
  /** Pauses for so many turns after each chunk. */
  readonly turns: number;
  readonly abortAfterBytes: number;
}

interface Plan {
  readonly chunks: readonly number[];
  readonly memoryBytes: number;
  readonly budgetBytes: number;
  readonly mostBytes: number;
  readonly readers: readonly ReaderPlan[];
}

function plans(scale: number): fc.Arbitrary<Plan> {
  return fc.record({
    chunks: fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 10 * scale })), {
      maxLength: 60,
    }),
    memoryBytes: fc.integer({ min: 1, max: 30 * scale }),
    budgetBytes: fc.integer({ min: 1, max: 60 * scale }),
    mostBytes: fc.integer({ min: 1, max: 40 }).map((part) => part * scale),
    readers: fc.array(
      fc.record({
        from: fc.integer({ min: 0, max: 60 }),
        offset: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
        turns: fc.integer({ min: 0, max: 4 }),
        abortAfterBytes: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 100 * scale })),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  });
}

interface Reading {
  readonly plan: ReaderPlan;
  readonly offset: number;
  readonly chunks: Buffer[];
  /** What the reader ended with; undefined when it ended well. */
  readonly outcome: Promise<unknown>;
  done: boolean;
}

function read(body: SpooledBody, plan: ReaderPlan): Reading {
  const abort = new AbortController();
  const offset = Math.floor(plan.offset * body.committedBytes());
  const stream = body.open(offset, abort.signal);
  const outcome = finished(stream)
    .catch((error: unknown) => error)
    .finally(() => {
      reading.done = true;
    });
  const reading: Reading = { plan, offset, chunks: [], outcome, done: false };
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    reading.chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > plan.abortAfterBytes) abort.abort(abortReason);
    if (plan.turns > 0) void resumeAfter(stream, plan.turns);
  });
  return reading;
}

async function resumeAfter(stream: Readable, count: number): Promise<void> {
  stream.pause();
  await turns(count);
  stream.resume();
}

/** Writes as a client does, opens the readers on the way, and gives what they have read. */
async function run(
  made: MadeBody,
  plan: Plan,
  chunks: readonly Buffer[],
  atEnd: () => void = () => undefined,
): Promise<Reading[]> {
  const { body } = made;
  const readings: Reading[] = [];
  const openAt = (index: number, last: boolean): void => {
    const due = plan.readers.filter(({ from }) => from === index || (last && from > index));
    readings.push(...due.map((reader) => read(body, reader)));
  };
  for (const [index, chunk] of chunks.entries()) {
    openAt(index, false);
    body.write(chunk);
    await untilWritable(made, readings);
  }
  body.end();
  atEnd();
  openAt(chunks.length, true);
  await Promise.all(readings.map(({ outcome }) => outcome));
  return readings;
}

/** Without a disk and a reader nobody will ever make room: then the upload is given up. */
async function untilWritable({ body, failures }: MadeBody, readings: readonly Reading[]): Promise<void> {
  for (let held = body.whenWritable; held; held = body.whenWritable) {
    await Promise.race([held, turns(5)]);
    const stuck = failures.length > 0 && readings.every(({ done }) => done);
    if (stuck && body.whenWritable !== undefined) body.fail(new Error('nobody reads'));
  }
}

function expectSame(reading: Reading, all: Buffer, outcome: unknown): void {
  const { offset, plan } = reading;
  const bytes = Buffer.concat(reading.chunks);
  expect(bytes.equals(all.subarray(offset, offset + bytes.length))).toBe(true);
  if (outcome === undefined) expect(offset + bytes.length).toBe(all.length);
  if (bytes.length <= plan.abortAfterBytes) expect(outcome).not.toBe(abortReason);
}

/** A block that is being read for a reader who is gone is given back only when it has come. */
async function expectNothingHeld(disk: SlowDisk, budget: MemoryBudget): Promise<void> {
  await eventually(() => Promise.resolve(expect([disk.open, budget.usedBytes]).toEqual([0, 0])));
}

describe('a spooled body with readers of every kind', () => {
  it.each([
    ['small chunks', 100, 400],
    ['chunks around the size of a block', 60 * KIB, 60],
  ])('gives every reader the same bytes, from where it began: %s', async (_, scale, cases) => {
    await fc.assert(
      fc.asyncProperty(plans(scale), async (plan) => {
        const disk = new SlowDisk(Infinity, plan.mostBytes);
        const made = bodyOn(disk, plan.memoryBytes, new MemoryBudget(plan.budgetBytes));
        const { body, budget, failures } = made;
        const { all, chunks } = cut(plan.chunks);
        for (const reading of await run(made, plan, chunks)) {
          const outcome = await reading.outcome;
          expectSame(reading, all, outcome);
          expect([undefined, abortReason]).toContain(outcome);
        }
        expect(body.replayable).toBe(true);
        expect((await collect(body.open(0, never))).equals(all)).toBe(true);
        await body.dispose();
        expect({ open: disk.open, memory: budget.usedBytes, failures }).toEqual({
          open: 0,
          memory: 0,
          failures: [],
        });
        expect(disk.made).toBeLessThanOrEqual(1);
      }),
      { numRuns: casesOf(cases) },
    );
  });

  it('gives no reader wrong bytes when the disk is full, and goes on for those that keep up', async () => {
    const full = fc.integer({ min: 0, max: 3000 });
    await fc.assert(
      fc.asyncProperty(plans(100), full, async (plan, capacity) => {
        const disk = new SlowDisk(capacity, plan.mostBytes);
        const made = bodyOn(disk, plan.memoryBytes, new MemoryBudget(plan.budgetBytes));
        const { body, budget, failures } = made;
        const { all, chunks } = cut(plan.chunks);
        for (const reading of await run(made, plan, chunks)) expectSame(reading, all, await reading.outcome);
        if (body.replayable) expect((await collect(body.open(0, never))).equals(all)).toBe(true);
        await body.dispose();
        expect(failures.length).toBeLessThanOrEqual(1);
        await expectNothingHeld(disk, budget);
      }),
      { numRuns: casesOf(400) },
    );
  });

  it('keeps every byte in its file, wherever it was, while readers go on', async () => {
    await fc.assert(
      fc.asyncProperty(plans(100), async (plan) => {
        const disk = new SlowDisk(Infinity, plan.mostBytes);
        const made = bodyOn(disk, plan.memoryBytes, new MemoryBudget(plan.budgetBytes));
        const { all, chunks } = cut(plan.chunks);
        let kept: Promise<void> | undefined;
        const readings = await run(made, plan, chunks, () => {
          kept = made.body.persist('kept');
        });
        for (const reading of readings) expectSame(reading, all, await reading.outcome);
        await kept;
        expect(disk.kept.get('kept')?.equals(all)).toBe(true);
        expect((await collect(made.body.open(0, never))).equals(all)).toBe(true);
        await made.body.dispose();
        await expectNothingHeld(disk, made.budget);
      }),
      { numRuns: casesOf(300) },
    );
  });

  it('keeps every byte or says that it has no room, when the disk is full', async () => {
    const full = fc.integer({ min: 0, max: 3000 });
    await fc.assert(
      fc.asyncProperty(plans(100), full, async (plan, capacity) => {
        const disk = new SlowDisk(capacity, plan.mostBytes);
        const made = bodyOn(disk, plan.memoryBytes, new MemoryBudget(plan.budgetBytes));
        const { all, chunks } = cut(plan.chunks);
        let refused: Promise<unknown> | undefined;
        await run(made, plan, chunks, () => {
          refused = made.body.persist('kept').catch((error: unknown) => error);
        });
        const error = await refused;
        if (error === undefined) expect(disk.kept.get('kept')?.equals(all)).toBe(true);
        else expect(disk.kept.size).toBe(0);
        if (all.length > capacity) expect(error).toBeInstanceOf(Error);
        await made.body.dispose();
        await expectNothingHeld(disk, made.budget);
      }),
      { numRuns: casesOf(300) },
    );
  });
});
