import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../timing/clock.js';
import { discardFile } from './discard-file.js';

/** A private file on the disk that nobody uses now. */
export interface SpareFile {
  readonly descriptor: number;
  readonly path: string;
  /** Bytes on the disk, of an upload that has ended. */
  readonly size: number;
}

export interface SpoolFilePoolOptions {
  /** Most bytes of all spare files; 0: there are none. */
  readonly limitBytes: number;
  readonly clock: Clock;
  /** Is told what went wrong when a file was removed. */
  readonly onProblems: (problems: readonly unknown[]) => void;
}

/** How long a file waits for the next upload: less than the 30 s after which Linux would write it to the disk. */
const IDLE_MS = 20_000;
const CHECK_EVERY_MS = 2_500;

/** Each holds a descriptor. */
const MOST_FILES = 16;

/** Spare files together never take more of what the disk has left than one part of these. */
const DISK_PARTS = 16;

/** A file that is larger than an upload needs is cut, unless most of it would be lost. */
const MOST_SURPLUS = 2;

/**
 * Spool files between two uploads. To write over the pages of a file costs half of what a new file costs, and a tenth
 * of it on a virtual machine that has given its free memory back (docs/adr/0013-write-spool-files-again.md).
 */
export class SpoolFilePool {
  /** With the time since which they wait, oldest first. */
  readonly #files = new Map<SpareFile, number>();
  #bytes = 0;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: SpoolFilePoolOptions) {}

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes over a file for a moment; false when there is no room for it, and it stays the caller's. */
  async offer(file: SpareFile): Promise<boolean> {
    const room = await this.#roomBeside(file);
    if (
      this.#closed ||
      file.size === 0 ||
      this.#files.size === MOST_FILES ||
      this.#bytes + file.size > room
    ) {
      return false;
    }
    this.#files.set(file, this.options.clock.monotonicMs());
    this.#bytes += file.size;
    this.#timer ??= setInterval(() => void this.#discard(this.#idle()), CHECK_EVERY_MS).unref();
    return true;
  }

  /** Gives the largest file for an upload of so many bytes, which is the caller's from then on. */
  take(expectedBytes: number): SpareFile | undefined {
    const [file] = [...this.#files.keys()]
      .filter(({ size }) => size <= expectedBytes * MOST_SURPLUS)
      .toSorted((one, other) => other.size - one.size);
    if (file) this.#forget(file);
    return file;
  }

  /** Removes all of them; they do not count any more at once. */
  clear(): Promise<void> {
    return this.#discard([...this.#files.keys()]);
  }

  /** Removes all of them, and takes no more. */
  close(): Promise<void> {
    this.#closed = true;
    return this.clear();
  }

  async #roomBeside({ path }: SpareFile): Promise<number> {
    const { limitBytes } = this.options;
    if (limitBytes === 0) return 0;
    const disk = await statfs(dirname(path)).catch(() => undefined);
    return disk ? Math.min(limitBytes, (disk.bavail * disk.bsize) / DISK_PARTS) : 0;
  }

  #idle(): SpareFile[] {
    const since = this.options.clock.monotonicMs() - IDLE_MS;
    return [...this.#files].filter(([, waitsSince]) => waitsSince <= since).map(([file]) => file);
  }

  async #discard(files: readonly SpareFile[]): Promise<void> {
    for (const file of files) this.#forget(file);
    const problems = await Promise.all(files.map(({ descriptor, path }) => discardFile(descriptor, [path])));
    this.options.onProblems(problems.flat());
  }

  #forget(file: SpareFile): void {
    this.#files.delete(file);
    this.#bytes -= file.size;
    if (this.#files.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
