import { constants } from 'node:fs';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ServiceError } from '../../../errors/service-error.js';
import { syncFolder } from '../../../body/durable-folder.js';
import type {
  ElementHealth,
  FileBody,
  FileDescription,
  StorageElement,
  StoredFile,
} from '../../storage-element.js';
import { errorCode } from '../../../errors/error-code.js';
import { type ExpiryOutcome, removeExpired } from './local-expiry.js';
import { exists, readRecord, writeContent, writeRecord } from './local-files.js';
import { removeLeftOvers } from './local-left-overs.js';
import { isFileId, makeAside, shardOf } from './local-places.js';
import { storageFailed } from '../http/element-errors.js';

/** What `rename` says of a name that is taken by a folder with something in it, by file system. */
const TAKEN = new Set<string | undefined>(['ENOTEMPTY', 'EEXIST']);

const SWEEP_EVERY_MS = 3_600_000;

const FULL = new Set<string | undefined>(['ENOSPC', 'EDQUOT']);

/**
 * A folder of this machine. Each file is a folder of its own, `files/<last 2 of id>/<id>/`, with `content` and
 * `metadata.json`; the last characters are random also in ids that begin with the time. It is written aside in `incoming/`, made durable, and then renamed as a whole onto its final
 * name, so that nothing but a finished file ever has that name. What a killed process left in `incoming/` is
 * removed once it has not been written to for an hour, so that several processes can share a folder. Only ids,
 * never file names, become paths.
 */
export class LocalStorageElement implements StorageElement {
  readonly acceptsEmptyFiles = true;
  readonly #incoming: string;
  readonly #files: string;
  #prepared: Promise<void> | undefined;
  #sweeping: NodeJS.Timeout | undefined;

  constructor(
    readonly id: string,
    root: string,
  ) {
    this.#incoming = join(root, 'incoming');
    this.#files = join(root, 'files');
  }

  /** Makes the folders and removes left-overs; done once, before the first file. @throws STORAGE_FAILED */
  prepare(): Promise<void> {
    this.#prepared ??= this.#open().catch((error: unknown) => {
      this.#prepared = undefined;
      throw failureOf(error);
    });
    return this.#prepared;
  }

  /** @throws CONFLICT when there is a file of that id */
  async put(file: FileDescription, body: FileBody, signal: AbortSignal): Promise<StoredFile> {
    signal.throwIfAborted();
    const folder = this.#folderOf(file.fileId);
    if (!folder) throw new ServiceError('VALIDATION_ERROR', 'The file id is not a UUID.');
    await this.prepare();
    try {
      if (await exists(folder)) throw conflict();
      return await this.#write(folder, { ...file, fileId: basename(folder) }, body, signal);
    } catch (error) {
      throw failureOf(error, body.stream.errored, signal.reason);
    }
  }

  async stat(fileId: string): Promise<StoredFile | undefined> {
    const folder = this.#folderOf(fileId);
    if (!folder) return undefined;
    try {
      return await readRecord(folder);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw failureOf(error);
    }
  }

  /** The name goes first and at once: a kill in between leaves no half of a file under it. */
  async remove(fileId: string): Promise<void> {
    const folder = this.#folderOf(fileId);
    if (!folder) return;
    await this.prepare();
    try {
      if (!(await exists(folder))) return;
      const aside = await makeAside(this.#incoming, folder);
      try {
        await rename(folder, aside);
        await syncFolder(dirname(folder));
      } finally {
        await rm(aside, { recursive: true, force: true });
      }
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw failureOf(error);
    }
  }

  /**
   * Removes the files whose time is over, one by one, until `signal` aborts; tells what became of each. Several processes
   * may do so at once. @throws Error where the folder cannot be read
   */
  removeExpired(nowMs: () => number, signal: AbortSignal): AsyncGenerator<ExpiryOutcome> {
    return removeExpired({ files: this.#files, incoming: this.#incoming }, nowMs, signal);
  }

  async health(): Promise<ElementHealth> {
    try {
      await this.prepare();
      await access(this.#incoming, constants.W_OK | constants.X_OK);
      await access(this.#files, constants.W_OK | constants.X_OK);
      return { up: true };
    } catch (error) {
      const code = errorCode(error instanceof ServiceError ? error.cause : error) ?? 'unknown error';
      return { up: false, reason: `The folder cannot be written to (${code}).` };
    }
  }

  close(): Promise<void> {
    clearInterval(this.#sweeping);
    return Promise.resolve();
  }

  async #write(
    folder: string,
    file: FileDescription,
    body: FileBody,
    signal: AbortSignal,
  ): Promise<StoredFile> {
    const aside = await makeAside(this.#incoming, folder);
    try {
      await writeContent(aside, body, signal);
      await writeRecord(aside, file, body.digest());
      await syncFolder(aside);
      const stored = await readRecord(aside);
      signal.throwIfAborted();
      await this.#settle(aside, folder);
      return stored;
    } catch (error) {
      await rm(aside, { recursive: true, force: true });
      throw error;
    }
  }

  /** Gives the finished folder its final name and makes the name durable. */
  async #settle(aside: string, folder: string): Promise<void> {
    const shard = dirname(folder);
    if (await mkdir(shard, { recursive: true, mode: 0o700 })) await syncFolder(this.#files);
    await rename(aside, folder).catch((error: unknown) => {
      throw TAKEN.has(errorCode(error)) ? conflict() : error;
    });
    try {
      await syncFolder(shard);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async #open(): Promise<void> {
    await mkdir(this.#files, { recursive: true, mode: 0o700 });
    await mkdir(this.#incoming, { recursive: true, mode: 0o700 });
    await removeLeftOvers(this.#incoming);
    this.#sweeping = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  /** A sweep that fails is tried again with the next one; what the disk has against it, uploads will tell. */
  async #sweep(): Promise<void> {
    await removeLeftOvers(this.#incoming).catch(() => undefined);
  }

  /** Undefined for what is no UUID: such an id never touches a path. */
  #folderOf(fileId: string): string | undefined {
    const id = fileId.toLowerCase();
    return isFileId(id) ? join(this.#files, shardOf(id), id) : undefined;
  }
}

function conflict(): ServiceError {
  return new ServiceError('CONFLICT', 'There is a file with this id already.');
}

/** `ServiceError`s and the errors in `known` as they are, all others as a failure of the disk. */
function failureOf(error: unknown, ...known: unknown[]): unknown {
  if (error instanceof ServiceError || known.includes(error)) return error;
  const code = errorCode(error);
  if (FULL.has(code)) {
    return new ServiceError('STORAGE_FULL', 'The storage element has no room for the file.', {
      cause: error,
    });
  }
  return storageFailed(
    code === 'EROFS' ? 'The storage element is read-only.' : 'The storage element failed.',
    error,
  );
}
