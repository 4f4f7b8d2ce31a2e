import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { OutgoingBody } from '../../src/storage/outgoing-body.js';
import type { ReplayableBody } from '../../src/storage/replayable-body.js';
import type { FileBody } from '../../src/storage/storage-element.js';
import { bodyOn, SlowDisk } from './spooled-bodies.js';

/** A body in the spool, as that of an upload is, which the test fills. */
export interface RangedBody {
  readonly body: FileBody;
  /** Parts that are being read, and the most there were at a time. */
  readonly reading: { now: number; most: number };
  write(chunk: Buffer): Promise<void>;
  end(): void;
  fail(error: Error): void;
  dispose(): Promise<void>;
}

export function rangedBody(length?: number, disk = new SlowDisk()): RangedBody {
  const { body: spooled } = bodyOn(disk, 16 * 1024);
  const hash = createHash('sha256');
  const reading = { now: 0, most: 0 };
  let size = 0;
  let sha256: string | undefined;
  const counted = (stream: Readable): Readable => {
    reading.most = Math.max(reading.most, (reading.now += 1));
    return stream.once('close', () => (reading.now -= 1));
  };
  const replayable: ReplayableBody = {
    length,
    replayable: true,
    open: (signal) => spooled.open(0, signal),
    get ranges() {
      if (!spooled.replayable) return undefined;
      return {
        get keptBytes() {
          return spooled.keptBytes;
        },
        read: (from: number, bytes: number, signal: AbortSignal) =>
          counted(spooled.open(from, signal, from + bytes)),
      };
    },
    digest: () => {
      if (sha256 === undefined) throw new Error('not before the end');
      return { size, sha256 };
    },
  };
  return {
    body: new OutgoingBody(replayable, new AbortController().signal, () => undefined),
    reading,
    async write(chunk) {
      size += chunk.length;
      hash.update(chunk);
      spooled.write(chunk);
      await spooled.whenWritable;
    },
    end() {
      sha256 = hash.digest('hex');
      spooled.end();
    },
    fail: (error) => spooled.fail(error),
    dispose: () => spooled.dispose(),
  };
}

/** One that has all of `bytes`, and has ended. */
export async function endedRangedBody(bytes: Buffer, chunkBytes = 20_000): Promise<RangedBody> {
  const ranged = rangedBody(bytes.length);
  for (let at = 0; at < bytes.length; at += chunkBytes)
    await ranged.write(bytes.subarray(at, at + chunkBytes));
  ranged.end();
  return ranged;
}
