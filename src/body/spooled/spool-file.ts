import { fdatasync, fstat, ftruncate, open, read, rename, writev } from 'node:fs';
import { promisify } from 'node:util';
import { asError } from '../../errors/as-error.js';
import type { LentFile } from '../body-source.js';
import { giveSecondName } from '../second-name.js';
import { discardFile } from './discard-file.js';
import type { EarlySyncs } from './early-syncs.js';
import type { SpareFile } from './spool-file-pool.js';

/*
 * Plain descriptors, not FileHandle and not fs streams: a stream ends at the end of the file, where a reader of a
 * growing file must wait, and one descriptor serves the writer and all readers at positions of their own.
 */
const openFile = promisify(open);
const statFile = promisify(fstat);
const syncFile = promisify(fdatasync);
const truncateFile = promisify(ftruncate);
const renameFile = promisify(rename);
const readFile = promisify(read);
const writeFile = promisify(writev);

/** Bytes of a linked file that are made durable at once, while more come. */
const EARLY_SYNC_BYTES = 32 * 1024 * 1024;

/** The part of a body that is on the disk: written once, in order, and read anywhere before its end. */
export interface SpoolFile extends LentFile {
  /** Writes at `position` and gives how many bytes were written, which may be fewer than there are. */
  write(chunks: readonly Buffer[], position: number): Promise<number>;
  /** Reads up to `length` bytes. @throws Error when there are none at `position` */
  read(position: number, length: number): Promise<Buffer>;
  /**
   * Gives the file the name `path` as well, which nothing has; false where that could not be done. From then on its bytes are
   * not the spool's alone: it is never written again for another body.
   */
  link(path: string): Promise<boolean>;
  /** Makes what was written durable, and the file no longer than that. Once that has failed, it fails for ever. */
  sync(): Promise<void>;
  /**
   * Has a sync failed? The system may have dropped then what it could not write, and reads something else without a word:
   * the file takes and gives nothing more.
   */
  readonly isDamaged: boolean;
  /**
   * Makes what was written durable, and the file's name `path`, which nothing has, on the same file system; when both is
   * done it is not ours any more, and `remove` only closes it. `onNamed` is called when it has the name, which is durable
   * once its folder is synced: side by side with its bytes, as both wait for the disk.
   */
  keep(path: string, onNamed: () => Promise<void>): Promise<void>;
  /** Removes the file and closes it, once calls that are under way have ended. Never fails; harmless when repeated. */
  remove(): Promise<void>;
}

/** Who makes the files: counts their bytes against the limit that they share. */
export interface SpoolFileOwner {
  readonly earlySyncs: EarlySyncs;
  /** @throws Error when there is no room for so many more */
  take(bytes: number): void;
  give(bytes: number): void;
  /** Takes over a file that could be written again; false when it does not want it. */
  spare(file: SpareFile): Promise<boolean>;
  /** The file is closed, or kept elsewhere; `problems` is what went wrong with that. */
  removed(file: DiskSpoolFile, problems: readonly unknown[]): void;
}

/** Makes a new private file, which keeps its name until it is removed. @throws Error of the file system */
export async function createSpoolFile(path: string, owner: SpoolFileOwner): Promise<DiskSpoolFile> {
  // Exclusive, so that nobody's link is followed. The mode is 0600 at any umask that leaves the owner his rights.
  return new DiskSpoolFile(await openFile(path, 'wx+', 0o600), path, owner);
}

/**
 * Begins a body in a file that has held another one, and cuts off what `expectedBytes` have no need of. Gives undefined,
 * and closes the file, where it has not just the name that it was made with: somebody may have removed that.
 */
export async function reuseSpoolFile(
  spare: SpareFile,
  expectedBytes: number,
  owner: SpoolFileOwner,
): Promise<DiskSpoolFile | undefined> {
  const { descriptor, path } = spare;
  const size = Math.min(spare.size, expectedBytes);
  try {
    const { nlink } = await statFile(descriptor);
    // With another name it is a stored file, whatever was said when it got it.
    if (nlink === 1) {
      if (size < spare.size) await truncateFile(descriptor, size);
      return new DiskSpoolFile(descriptor, path, owner, size);
    }
  } catch {
    // What cannot be asked or cut is of no use; a new file shows whether the disk is.
  }
  await discardFile(descriptor, [path]);
  return undefined;
}

export class DiskSpoolFile implements SpoolFile {
  /** Bytes of the body. What the file has behind them is of another one, and is never read. */
  #bytes = 0;
  #size: number;
  /** Has every call been carried out so far? */
  #sound = true;
  /** Has it had a name elsewhere? */
  #linked = false;
  /** The last sync. One that has failed stays so: the next would say that all is well. */
  #synced: Promise<unknown> = Promise.resolve();
  #damage: Error | undefined;
  /** Bytes that were there when the last early sync began. */
  #syncedEarly = 0;
  #underWay = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  #removed: Promise<void> | undefined;
  /** The names that go with the file. */
  #names: readonly string[];

  constructor(
    private readonly descriptor: number,
    readonly path: string,
    private readonly owner: SpoolFileOwner,
    size = 0,
  ) {
    this.#names = [path];
    this.#size = size;
  }

  get isDamaged(): boolean {
    return this.#damage !== undefined;
  }

  /** Bytes on the disk. */
  get size(): number {
    return this.#size;
  }

  write(chunks: readonly Buffer[], position: number): Promise<number> {
    return this.#use(async () => {
      if (this.#damage) throw this.#damage;
      const wanted = chunks.reduce((sum, { length }) => sum + length, 0);
      const growth = Math.max(0, position + wanted - this.#size);
      this.owner.take(growth);
      let written = 0;
      try {
        ({ bytesWritten: written } = await writeFile(this.descriptor, chunks, position));
      } finally {
        this.owner.give(growth - this.#reach(position + written));
      }
      this.#syncEarly();
      return written;
    });
  }

  read(position: number, length: number): Promise<Buffer> {
    return this.#use(async () => {
      if (this.#damage) throw this.#damage;
      const block = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, this.#bytes - position)));
      const { bytesRead } = await readFile(this.descriptor, block, 0, block.length, position);
      if (bytesRead === 0) throw new Error(`The spool file ends before position ${position}`);
      return block.subarray(0, bytesRead);
    });
  }

  lend(done: Promise<void>): number {
    this.#enter();
    void done.finally(() => this.#exit());
    return this.descriptor;
  }

  link(path: string): Promise<boolean> {
    return this.#use(async () => {
      const [name] = this.#names;
      const isLinked = name !== undefined && (await giveSecondName(name, path));
      this.#linked ||= isLinked;
      return isLinked;
    });
  }

  sync(): Promise<void> {
    return this.#use(async () => {
      await this.#cut();
      await this.#syncNext();
    });
  }

  keep(path: string, onNamed: () => Promise<void>): Promise<void> {
    return this.#use(async () => {
      await this.#cut();
      // Whichever fails first: the descriptor is in use until its sync has ended.
      const naming = this.#rename(path).then(onNamed);
      const [synced, named] = await Promise.allSettled([this.#syncNext(), naming]);
      if (synced.status === 'rejected') throw synced.reason;
      if (named.status === 'rejected') throw named.reason;
      this.#names = [];
      this.#leave([]);
    });
  }

  async #rename(path: string): Promise<void> {
    await renameFile(this.path, path);
    this.#names = [path];
  }

  /** Only where it will be stored as it is: what waits in the spool may never come to the disk. */
  #syncEarly(): void {
    const bytes = this.#bytes;
    if (!this.#linked || bytes - this.#syncedEarly < EARLY_SYNC_BYTES) return;
    const isBegun = this.owner.earlySyncs.begin(() => this.#use(() => this.#syncNext()));
    if (isBegun) this.#syncedEarly = bytes;
  }

  /** One after the other, as an error of the disk is told once. */
  #syncNext(): Promise<unknown> {
    this.#synced = this.#synced
      .then(() => syncFile(this.descriptor))
      .catch((error: unknown) => {
        this.#damage ??= asError(error);
        throw error;
      });
    return this.#synced;
  }

  /** Cuts off what is of another body. */
  async #cut(): Promise<void> {
    const surplus = this.#size - this.#bytes;
    if (surplus === 0) return;
    // Before it is waited for: another call must not cut the same once more.
    this.#size = this.#bytes;
    this.owner.give(surplus);
    await truncateFile(this.descriptor, this.#bytes);
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
    if (await this.#spared()) this.#leave([]);
    else this.#leave(await discardFile(this.descriptor, this.#names));
  }

  /** Only a file that has the name it was made with, and never had another: else it is, or may be, somebody else's. */
  async #spared(): Promise<boolean> {
    const { descriptor, path, size } = this;
    if (!this.#sound || this.#linked || this.#names.length !== 1) return false;
    return this.owner.spare({ descriptor, path, size });
  }

  /** Gives by how many bytes the file has grown. */
  #reach(end: number): number {
    const growth = Math.max(0, end - this.#size);
    this.#size += growth;
    this.#bytes = Math.max(this.#bytes, end);
    return growth;
  }

  #leave(problems: readonly unknown[]): void {
    this.owner.give(this.#size);
    this.#size = 0;
    this.owner.removed(this, problems);
  }

  async #use<T>(call: () => Promise<T>): Promise<T> {
    this.#enter();
    try {
      return await call();
    } catch (error) {
      this.#sound = false;
      throw error;
    } finally {
      this.#exit();
    }
  }

  #enter(): void {
    if (this.#removed) throw new Error('The spool file was removed');
    this.#underWay += 1;
  }

  #exit(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#idle?.resolve();
  }
}
