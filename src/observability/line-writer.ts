import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../errors/error-code.js';

/** Bytes that one call of the system is given, unless a single line is longer. */
const BATCH_BYTES = 64 * 1024;
/** A busy service makes one call for many lines; one that comes after a rest does not wait. */
const GATHER_MS = 10;
/** Time until a reader that took nothing is tried again. */
const RETRY_MS = 20;
/** A call that takes longer is taken for one that never comes back. */
const STUCK_MS = 1_000;
const NEWLINE = 0x0a;

/** Resolves with how many bytes were taken; rejects with the error of the system. */
type Write = (bytes: Uint8Array) => Promise<number>;

/**
 * Writes lines in the background, so that whoever logs never feels what becomes of them. A line that is refused
 * (ENOSPC, EIO, EPIPE) is dropped and counted, and the next one is tried all the same. While a reader takes nothing
 * (EAGAIN) lines wait; beyond `maxWaitingBytes` the newest are dropped. Lines gather for `gatherMs` milliseconds after each
 * call.
 */
export class LineWriter {
  private readonly waiting: string[] = [];
  private waitingBytes = 0;
  private unwritten = Buffer.alloc(0);
  private draining: Promise<void> | undefined;
  private calling = false;
  private closed = false;
  /** Has the file only the beginning of its last line? */
  private cut = false;
  private dropped = 0;

  constructor(
    private readonly writeBytes: Write,
    private readonly maxWaitingBytes: number,
    private readonly gatherMs = GATHER_MS,
  ) {}

  /** Lines that were not written, or not to their end. */
  get droppedLines(): number {
    return this.dropped;
  }

  /** Takes a line, with the newline at its end. Never throws. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.waitingBytes + bytes > this.maxWaitingBytes) {
      this.dropped += 1;
      return;
    }
    this.waiting.push(line);
    this.waitingBytes += bytes;
    if (!this.closed) this.draining ??= this.drain();
  }

  /** Resolves when every line is written or dropped, after `withinMs` milliseconds at the latest. */
  async flush(withinMs: number): Promise<void> {
    const late = new AbortController();
    const patience = sleep(withinMs, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([this.draining, patience]);
    late.abort();
  }

  /**
   * Flushes for `withinMs` milliseconds, then writes nothing more. False where a call of the system does not come back,
   * as one to a terminal that is held: Node does not exit before it does.
   */
  async close(withinMs: number): Promise<boolean> {
    await this.flush(withinMs);
    this.closed = true;
    await this.flush(STUCK_MS);
    return this.draining === undefined;
  }

  /** What the system was not given yet, for the end of a process that can wait no more. */
  rest(): string {
    return (this.calling ? '' : this.unwritten.toString()) + this.waiting.join('');
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0 && !this.closed) {
      await this.writeBatch(this.takeBatch());
      if (this.waitingBytes < BATCH_BYTES) await sleep(this.gatherMs);
    }
    this.draining = undefined;
  }

  private takeBatch(): string[] {
    let bytes = 0;
    const tooMany = this.waiting.findIndex((line) => {
      bytes += Buffer.byteLength(line);
      return bytes > BATCH_BYTES;
    });
    const batch = this.waiting.splice(0, tooMany === -1 ? this.waiting.length : Math.max(1, tooMany));
    this.waitingBytes -= batch.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
    return batch;
  }

  /** After half a line the next one begins on a line of its own. */
  private async writeBatch(lines: readonly string[]): Promise<void> {
    this.unwritten = Buffer.from((this.cut ? '\n' : '') + lines.join(''));
    while (this.unwritten.length > 0 && !this.closed) {
      const taken = await this.attempt();
      if (taken === undefined) {
        this.dropped += linesWithin(lines, this.unwritten.length);
        this.unwritten = Buffer.alloc(0);
      } else if (taken === 0) {
        await sleep(RETRY_MS);
      } else {
        this.cut = this.unwritten[taken - 1] !== NEWLINE;
        this.unwritten = this.unwritten.subarray(taken);
      }
    }
  }

  /** How many bytes were taken: 0 where the reader takes none now, undefined where they are refused. */
  private async attempt(): Promise<number | undefined> {
    this.calling = true;
    try {
      return await this.writeBytes(this.unwritten);
    } catch (error) {
      return errorCode(error) === 'EAGAIN' ? 0 : undefined;
    } finally {
      this.calling = false;
    }
  }
}

/** How many of the last lines the last `bytes` belong to. */
function linesWithin(lines: readonly string[], bytes: number): number {
  let [count, left] = [0, bytes];
  for (const line of lines.toReversed()) {
    if (left <= 0) break;
    left -= Buffer.byteLength(line);
    count += 1;
  }
  return count;
}
