import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { ServiceError } from '../../../errors/service-error.js';
import type {
  ElementHealth,
  ExpiryOutcome,
  FileBody,
  FileDescription,
  StorageElement,
  StoredFile,
} from '../../storage-element.js';
import { errorCode } from '../../../errors/error-code.js';
import { ContentSource } from './content-source.js';
import { isFormerLayout } from './former-layout.js';
import { LocalDraft } from './local-draft.js';
import { removeExpired } from './local-expiry.js';
import { removeLeftOvers } from './local-left-overs.js';
import { isFileId, LocalPlaces } from './local-places.js';
import { contentSize, type LocalRecord, readRecord } from './local-record.js';
import { removeVersion } from './local-removal.js';
import { LocalShards } from './local-shards.js';
import { storageFailed } from '../storage-failures.js';

const SWEEP_EVERY_MS = 3_600_000;

const FULL = new Set<string | undefined>(['ENOSPC', 'EDQUOT']);

/**
 * A folder of this machine. A file is two: a content, and a record that names it and is linked to its final name once both
 * are durable, so that the name of the record is what makes the file (docs/adr/0020-the-record-makes-the-file.md). What a killed
 * process left is named in `incoming/`, and removed once it has not been written to for an hour, so that several processes can
 * share a folder. Only ids, never file names, become paths.
 */
export class LocalStorageElement implements StorageElement {
  readonly acceptsEmptyFiles = true;
  readonly #places: LocalPlaces;
  readonly #shards: LocalShards;
  #prepared: Promise<void> | undefined;
  #sweeping: NodeJS.Timeout | undefined;

  constructor(
    readonly id: string,
    root: string,
  ) {
    this.#places = new LocalPlaces(root);
    this.#shards = new LocalShards(this.#places.files);
  }

  /**
   * Makes the folders and removes left-overs; done once, before the first file.
   * @throws STORAGE_FAILED, also where the folder has files of an earlier version
   */
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
    const fileId = idOf(file.fileId);
    if (fileId === undefined) throw new ServiceError('VALIDATION_ERROR', 'The file id is not a UUID.');
    await this.prepare();
    const source = new ContentSource(body, signal);
    try {
      return await new LocalDraft(this.#places, this.#shards, { ...file, fileId }).store(
        body,
        source,
        signal,
      );
    } catch (error) {
      throw error === signal.reason || source.failedWith(error) ? error : failureOf(error);
    }
  }

  async stat(fileId: string): Promise<StoredFile | undefined> {
    const id = idOf(fileId);
    if (id === undefined) return undefined;
    try {
      const { version, file } = await readRecord(this.#places.record(id), id);
      return { ...file, size: await contentSize(this.#places, version) };
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw failureOf(error);
    }
  }

  async remove(fileId: string): Promise<void> {
    const id = idOf(fileId);
    if (id === undefined) return;
    await this.prepare();
    try {
      const record = await this.#recordOf(id);
      if (record) await removeVersion(this.#places, this.#shards, record.version);
    } catch (error) {
      throw failureOf(error);
    }
  }

  removeExpired(nowMs: () => number, signal: AbortSignal): AsyncGenerator<ExpiryOutcome> {
    return removeExpired(this.#places, this.#shards, nowMs, signal);
  }

  async health(): Promise<ElementHealth> {
    try {
      await this.prepare();
      await access(this.#places.incoming, constants.W_OK | constants.X_OK);
      await access(this.#places.files, constants.W_OK | constants.X_OK);
      return { up: true };
    } catch (error) {
      if (error instanceof ServiceError && error.cause === undefined)
        return { up: false, reason: error.detail };
      const code = errorCode(error instanceof ServiceError ? error.cause : error) ?? 'unknown error';
      return { up: false, reason: `The folder cannot be written to (${code}).` };
    }
  }

  close(): Promise<void> {
    clearInterval(this.#sweeping);
    return Promise.resolve();
  }

  /** @throws Error where the record cannot be read */
  async #recordOf(id: string): Promise<LocalRecord | undefined> {
    return readRecord(this.#places.record(id), id).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    });
  }

  async #open(): Promise<void> {
    await mkdir(this.#places.files, { recursive: true, mode: 0o700 });
    await mkdir(this.#places.incoming, { recursive: true, mode: 0o700 });
    if (await isFormerLayout(this.#places)) {
      throw new ServiceError('STORAGE_FAILED', 'The folder has files of an earlier version.');
    }
    await removeLeftOvers(this.#places);
    this.#sweeping = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  /** A sweep that fails is tried again with the next one; what the disk has against it, uploads will tell. */
  async #sweep(): Promise<void> {
    await removeLeftOvers(this.#places).catch(() => undefined);
  }
}

/** The id in small letters. Undefined for what is no UUID: such an id never touches a path. */
function idOf(fileId: string): string | undefined {
  const id = fileId.toLowerCase();
  return isFileId(id) ? id : undefined;
}

/** `ServiceError`s as they are, all others as a failure of the disk. */
function failureOf(error: unknown): unknown {
  if (error instanceof ServiceError) return error;
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
