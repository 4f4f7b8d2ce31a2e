import { type PathLike, close, open, read, unlink, writev } from 'node:fs';
import { promisify } from 'node:util';
import { isNativeError } from 'node:util/types';

/*
 * Plain descriptors, not FileHandle and not fs streams: a stream ends at the end of the file, where a reader of a
 * growing file must wait, and one descriptor serves the writer and all readers at positions of their own.
 */
const openFile = promisify(open);
const closeFile = promisify(close);
const unlinkFile = promisify(unlink);
const readFile = promisify(read);
const writeFile = promisify(writev);

/** The part of a body that is on the disk: written once, in order, and read anywhere before its end. */
export interface SpoolFile {
  /** Writes at `position` and gives how many bytes were written, which may be fewer than there are. */
  write(chunks: readonly Buffer[], position: number): Promise<number>;
  /** Reads up to `length` bytes. @throws Error when there are none at `position` */
  read(position: number, length: number): Promise<Buffer>;
  /** Removes the file and closes it, once calls that are under way have ended. Never fails; harmless when repeated. */
  remove(): Promise<void>;
}

/** Who makes the files: counts their bytes against the limit that they share. */
export interface SpoolFileOwner {
  /** @throws Error when there is no room for so many more */
  take(bytes: number): void;
  give(bytes: number): void;
  /** The file is closed; `problems` is what went wrong with that. */
  removed(file: DiskSpoolFile, problems: readonly unknown[]): void;
}

/** Makes a new private file, which keeps its name until it is removed. @throws Error of the file system */
export async function createSpoolFile(path: PathLike, owner: SpoolFileOwner): Promise<DiskSpoolFile> {
  // Exclusive, so that nobody's link is followed. The mode is 0600 at any umask that leaves the owner his rights.
  return new DiskSpoolFile(await openFile(path, 'wx+', 0o600), path, owner);
}

export class DiskSpoolFile implements SpoolFile {
  #bytes = 0;
  #underWay = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  #removed: Promise<void> | undefined;

  constructor(
    private readonly descriptor: number,
    readonly path: PathLike,
    private readonly owner: SpoolFileOwner,
  ) {}

  write(chunks: readonly Buffer[], position: number): Promise<number> {
    return this.#use(async () => {
      const wanted = chunks.reduce((sum, { length }) => sum + length, 0);
      this.owner.take(wanted);
      let written = 0;
      try {
        ({ bytesWritten: written } = await writeFile(this.descriptor, chunks, position));
      } finally {
        this.owner.give(wanted - written);
        this.#bytes += written;
      }
      return written;
    });
  }

  read(position: number, length: number): Promise<Buffer> {
    return this.#use(async () => {
      const block = Buffer.allocUnsafeSlow(length);
      const { bytesRead } = await readFile(this.descriptor, block, 0, length, position);
      if (bytesRead === 0) throw new Error(`The spool file ends before position ${position}`);
      return block.subarray(0, bytesRead);
    });
  }

  remove(): Promise<void> {
    this.#removed ??= this.#remove();
    return this.#removed;
  }

  async #remove(): Promise<void> {
    // The number of a descriptor is given out again at once: a call that still used it would hit another file.
    if (this.#underWay > 0) {
      this.#idle = Promise.withResolvers();
      await this.#idle.promise;
    }
    // The descriptor is closed whatever happens to the name, which somebody who swept the folder may have taken.
    const results = await Promise.allSettled([unlinkFile(this.path), closeFile(this.descriptor)]);
    const problems = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    this.owner.give(this.#bytes);
    this.owner.removed(
      this,
      problems.filter((problem) => !isMissing(problem)),
    );
  }

  async #use<T>(call: () => Promise<T>): Promise<T> {
    if (this.#removed) throw new Error('The spool file was removed');
    this.#underWay += 1;
    try {
      return await call();
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#idle?.resolve();
    }
  }
}

/** Is this what the file system says of a name that is not there? */
export function isMissing(error: unknown): boolean {
  return isNativeError(error) && 'code' in error && error.code === 'ENOENT';
}
