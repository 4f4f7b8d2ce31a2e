import { link, unlink } from 'node:fs';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { errorCode } from '../../../errors/error-code.js';
import type { FileBody, FileDescription, StoredFile } from '../../storage-element.js';
import { idTaken, lengthFailure } from '../storage-failures.js';
import { storedFileOf } from '../stored-record.js';
import type { Content, ContentSource } from './content-source.js';
import { removeLeftOver } from './local-left-overs.js';
import { type LocalPlaces, newVersion } from './local-places.js';
import { recordText, versionAt } from './local-record.js';
import { removeVersion } from './local-removal.js';
import type { LocalShards } from './local-shards.js';
import { NewFile } from './new-file.js';

const linkFile = promisify(link);
const unlinkFile = promisify(unlink);

/**
 * A file on its way in. Its draft in `incoming` is made before its content, and removed once the record has its final name: so
 * `incoming` names every content that has no record.
 */
export class LocalDraft {
  readonly #version: string;
  readonly #path: string;
  #record: NewFile | undefined;
  #content: Content | undefined;
  /** Nobody waits for it before the end: what is durable cannot be lost by a failure to close it. */
  #closed: Promise<unknown> | undefined;

  constructor(
    private readonly places: LocalPlaces,
    private readonly shards: LocalShards,
    private readonly file: FileDescription,
  ) {
    this.#version = newVersion(file.fileId);
    this.#path = places.draft(this.#version);
  }

  /**
   * Stores the file, or leaves nothing of it.
   * @throws CONFLICT when there is a file of its id; VALIDATION_ERROR, the failure of the body, the reason of the signal or an
   * error of the file system
   */
  async store(body: FileBody, source: ContentSource, signal: AbortSignal): Promise<StoredFile> {
    try {
      const size = await this.#write(body, source);
      signal.throwIfAborted();
      await this.#commit();
      return storedFileOf(this.file, { size, sha256: body.digest().sha256 });
    } catch (error) {
      await removeLeftOver(this.places, basename(this.#path)).catch(() => undefined);
      throw signal.aborted ? signal.reason : error;
    } finally {
      await this.#closed;
    }
  }

  /** Writes content and record, durably; gives the size of the content. */
  async #write(body: FileBody, source: ContentSource): Promise<number> {
    try {
      this.#record = await NewFile.createSynced(this.#path);
      const shard = this.places.shard(this.file.fileId);
      this.#content = await source.contentAt(this.places.content(this.#version), (create) =>
        this.shards.createIn(shard, create),
      );
      const { bytes } = this.#content;
      const failure = lengthFailure(body, bytes);
      if (failure) throw failure;
      await this.#finish(recordText(this.#version, this.file, body.digest()), this.#content, this.#record);
      return bytes;
    } finally {
      this.#closed = Promise.allSettled([this.#record?.close(), this.#content?.close()]);
    }
  }

  /** Side by side, as both wait for the disk. */
  async #finish(text: string, content: Content, record: NewFile): Promise<void> {
    const [synced, written] = await Promise.allSettled([content.sync(), record.append([Buffer.from(text)])]);
    if (synced.status === 'rejected') throw synced.reason;
    if (written.status === 'rejected') throw written.reason;
  }

  /** Gives the record its final name, which makes the file, and makes the name durable. */
  async #commit(): Promise<void> {
    const { fileId } = this.file;
    await linkFile(this.#path, this.places.record(fileId)).catch((error: unknown) => this.#refused(error));
    // The draft has done its work; one that cannot be removed is left to the sweep.
    const removal = unlinkFile(this.#path).catch(() => undefined);
    try {
      await this.shards.sync(this.places.shard(fileId));
    } catch (error) {
      await removeVersion(this.places, this.shards, this.#version).catch(() => undefined);
      throw error;
    } finally {
      await removal;
    }
  }

  /** A network file system may repeat a call whose answer was lost, and then say that the name is taken: by us. */
  async #refused(error: unknown): Promise<void> {
    const { fileId } = this.file;
    if ((await versionAt(this.places.record(fileId), fileId)) === this.#version) return;
    throw errorCode(error) === 'EEXIST' ? idTaken() : error;
  }
}
