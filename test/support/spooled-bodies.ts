import type { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { SpooledBody } from '../../src/body/spooled/spooled-body.js';
import { MemoryBudget } from '../../src/body/memory-budget.js';
import type { SpoolFile } from '../../src/body/spooled/spool-file.js';

/** A disk in memory that takes its time, writes in part, and fails at `capacity` bytes. */
export class SlowDisk {
  open = 0;
  made = 0;
  reads = 0;
  /** What was kept, by path. */
  readonly kept = new Map<string, Buffer>();

  constructor(
    private readonly capacity = Infinity,
    private readonly most = Infinity,
  ) {}

  readonly create = async (): Promise<SpoolFile> => {
    await turn();
    if (this.capacity === 0) throw new Error('ENOSPC: no space left on device');
    this.open += 1;
    this.made += 1;
    let content = Buffer.alloc(0);
    let removed = false;
    const underWay = new Set<Promise<unknown>>();
    const use = async <T>(call: () => T): Promise<T> => {
      const calling = turn().then(call);
      underWay.add(calling);
      return calling.finally(() => underWay.delete(calling));
    };
    return {
      isDamaged: false,
      write: (chunks, position) =>
        use(() => {
          if (content.length >= this.capacity) throw new Error('ENOSPC: no space left on device');
          const room = Math.min(this.most, this.capacity - content.length);
          const bytes = Buffer.concat(chunks).subarray(0, room);
          if (position !== content.length)
            throw new Error(`Written at ${position} instead of ${content.length}`);
          content = Buffer.concat([content, bytes]);
          return bytes.length;
        }),
      read: (position, length) =>
        use(() => {
          this.reads += 1;
          if (removed) throw new Error('The file was removed');
          if (position >= content.length) throw new Error(`Nothing to read at ${position}`);
          return Buffer.from(content.subarray(position, position + Math.min(length, this.most)));
        }),
      lend: () => {
        throw new Error('This disk has no descriptors');
      },
      link: () => use(() => false),
      sync: () => use(() => undefined),
      keep: (path) =>
        use(() => {
          if (removed) throw new Error('The file was removed');
          this.kept.set(path, content);
        }),
      remove: async () => {
        removed = true;
        await Promise.allSettled(underWay);
        this.open -= 1;
      },
    };
  };
}

/** Random bytes, of which runs of `sizes` are cut. */
export function cut(sizes: readonly number[]): { all: Buffer; chunks: Buffer[] } {
  const all = Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0));
  for (let index = 0, state = 1; index < all.length; index += 1) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    all[index] = state >>> 16;
  }
  let end = 0;
  return { all, chunks: sizes.map((size) => all.subarray(end, (end += size))) };
}

/** A body with its budget, and what the disk has refused. */
export interface MadeBody {
  readonly body: SpooledBody;
  readonly budget: MemoryBudget;
  readonly failures: readonly Error[];
}

export function bodyOn(
  disk: { create: () => Promise<SpoolFile> },
  memoryBytes = 1024,
  budget = new MemoryBudget(1e9),
): MadeBody {
  const failures: Error[] = [];
  const spoolFailed = (error: Error): void => void failures.push(error);
  const observer = { spooled: () => undefined, spoolFailed };
  return {
    body: new SpooledBody({ memoryBytes, budget, createFile: disk.create, observer }),
    budget,
    failures,
  };
}

export async function collect(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await stream.toArray());
}

/** Writes all, as fast as the body lets. */
export async function writeAll(body: SpooledBody, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) {
    body.write(chunk);
    await body.whenWritable;
  }
}

/** Lets the event loop go round. */
export async function turns(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await turn();
}
