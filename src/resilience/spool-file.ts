import { close, fsync, link, open, read, unlink, writev } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { syncFolder } from './durable-folder.js';
import { isMissing } from './spool-failure.js';

/*
 * Plain descriptors, not FileHandle and not fs streams: a stream ends at the end of the file, where a reader of a
 * growing file must wait, and one descriptor serves the writer and all readers at positions of their own.
 */
const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fsync);
const linkFile = promisify(link);
const unlinkFile = promisify(unlink);
const readFile = promisify(read);
const writeFile = promisify(writev);

/** The part of a body that is on the disk: written once, in order, and read anywhere before its end. */
export interface SpoolFile {
  /** Writes at `position` and gives how many bytes were written, which may be fewer than there are. */
  write(chunks: readonly Buffer[], position: number): Promise<number>;
  /** Reads up to `length` bytes. @throws Error when there are none at `position` */
  read(position: number, length: number): Promise<Buffer>;
  /**
   * Makes what was written durable, and the file's name `path`, on the same file system; from then on it is not ours
   * any more, and `remove` only closes it. @throws Error with code EEXIST when the name is taken
   */
  keep(path: string): Promise<void>;
  /** Removes the file and closes it, once calls that are under way have ended. Never fails; harmless when repeated. */
  remove(): Promise<void>;
}

/** Who makes the files: counts their bytes against the limit that they share. */
export interface SpoolFileOwner {
  /** @throws Error when there is no room for so many more */
  take(bytes: number): void;
  give(bytes: number): void;
  /** The file is closed, or kept elsewhere; `problems` is what went wrong with that. */
  removed(file: DiskSpoolFile, problems: readonly unknown[]): void;
}

/** Makes a new private file, which keeps its name until it is removed. @throws Error of the file system */
export async function createSpoolFile(path: string, owner: SpoolFileOwner): Promise<DiskSpoolFile> {
  // Exclusive, so that nobody's link is followed. The mode is 0600 at any umask that leaves the owner his rights.
  return new DiskSpoolFile(await openFile(path, 'wx+', 0o600), path, owner);
}

export class DiskSpoolFile implements SpoolFile {
  #bytes = 0;
  #underWay = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  #removed: Promise<void> | undefined;
  /** The names that go with the file. */
  #names: readonly string[];

  constructor(
    private readonly descriptor: number,
    readonly path: string,
    private readonly owner: SpoolFileOwner,
  ) {
    this.#names = [path];
  }

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

  keep(path: string): Promise<void> {
    return this.#use(async () => {
      await syncFile(this.descriptor);
      // Not renamed: that would replace, without a word, what another process has promised under this name.
      await linkFile(this.path, path);
      this.#names = [this.path, path];
      await unlinkFile(this.path);
      await Promise.all([syncFolder(dirname(path)), syncFolder(dirname(this.path))]);
      this.#names = [];
      this.#leave([]);
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
    const names = this.#names.map((name) => unlinkFile(name));
    const results = await Promise.allSettled([...names, closeFile(this.descriptor)]);
    const problems = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    this.#leave(problems.filter((problem) => !isMissing(problem)));
  }

  #leave(problems: readonly unknown[]): void {
    this.owner.give(this.#bytes);
    this.#bytes = 0;
    this.owner.removed(this, problems);
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
