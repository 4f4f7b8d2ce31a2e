import { Injectable } from '@nestjs/common';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { DurableBody } from '../../resilience/body-source.js';
import { type Clock, systemClock } from '../../resilience/clock.js';
import { makeFolder, syncFolder } from '../../resilience/durable-folder.js';
import { isMissing } from '../../resilience/spool-failure.js';
import type { ReplayableBody } from '../../storage/replayable-body.js';
import type { ContentDigest } from '../../storage/storage-element.js';
import { AcceptedBody } from './accepted-body.js';
import {
  type AcceptedFile,
  AcceptedIndex,
  type AcceptedUsage,
  fileName,
  lookAt,
  namedIn,
} from './accepted-index.js';
import { failure, openPromised } from './accepted-reader.js';

/** Bytes that a download takes from the disk at once. */
const DOWNLOAD_BLOCK_BYTES = 256 * 1024;

/*
 * The files that were accepted and are not delivered yet: `<spool>/accepted/<upload id>.upload`, each one private,
 * complete and durable from the moment it has its name. The folder may be shared by several processes, on one file
 * system with the rest of the spool, which must know hard links.
 *
 * A file is never changed and never replaced: a name that is taken stays so until its file is removed. Whether a file
 * is promised to anybody only the database knows; a file alone promises nothing.
 */
@Injectable()
export class AcceptedFiles {
  readonly #folder: string;
  readonly #index: AcceptedIndex;

  constructor(
    spoolPath: string,
    private readonly clock: Clock = systemClock,
  ) {
    this.#folder = join(spoolPath, 'accepted');
    this.#index = new AcceptedIndex(this.#folder);
  }

  /** Makes the folder, and sees what is in it. @throws Error of the file system */
  async prepare(): Promise<void> {
    await makeFolder(this.#folder);
    await this.refresh();
  }

  /**
   * Makes a body durable under the id of its upload, and gives the name of its file. The body is still to be disposed of.
   * @throws SPOOL_FULL, INTERNAL_ERROR; UPLOAD_IN_PROGRESS when the id has a file, which another process may be about
   * to promise: who finds no row for it waits until the sweep has removed it.
   */
  async keep(body: DurableBody, uploadId: string): Promise<string> {
    const name = fileName(uploadId);
    await makeFolder(this.#folder);
    await body.persist(join(this.#folder, name));
    // It is kept whatever this says; the next refresh sees it as well.
    const file = await this.find(uploadId).catch(() => undefined);
    if (file) this.#index.add(file);
    return name;
  }

  /** Is there a file of this upload? One look at the disk. */
  async has(uploadId: string): Promise<boolean> {
    return (await this.find(uploadId)) !== undefined;
  }

  /** The file as it is on the disk now. @throws Error of the file system */
  find(uploadId: string): Promise<AcceptedFile | undefined> {
    return lookAt(this.#folder, uploadId);
  }

  /**
   * The file as a body that any number of attempts can read. A stream of it fails with SpoolDamaged, before its last
   * block, when the bytes are not those that were promised.
   * @throws SpoolDamaged when the file is missing or has another size; INTERNAL_ERROR when the disk fails
   */
  async open(uploadId: string, promised: ContentDigest): Promise<ReplayableBody> {
    const path = join(this.#folder, fileName(uploadId));
    try {
      const file = await openPromised(path, promised);
      await file.close();
    } catch (error) {
      throw failure(error);
    }
    return new AcceptedBody(path, promised);
  }

  /**
   * The bytes as they are on the disk, damaged or not, for a person; undefined where there are none. Who takes the stream
   * destroys it. @throws Error of the file system
   */
  async content(uploadId: string): Promise<{ size: number; stream: Readable } | undefined> {
    const handle = await open(join(this.#folder, fileName(uploadId)), 'r').catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (!handle) return undefined;
    const { size } = await handle.stat();
    return { size, stream: handle.createReadStream({ highWaterMark: DOWNLOAD_BLOCK_BYTES }) };
  }

  /** Removes the file durably. Harmless when there is none. @throws Error of the file system */
  async remove(uploadId: string): Promise<void> {
    try {
      await unlink(join(this.#folder, fileName(uploadId)));
      await syncFolder(this.#folder);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    this.#index.drop(uploadId);
  }

  /** All files that are there now, those of other processes too. @throws Error of the file system */
  async list(): Promise<AcceptedFile[]> {
    await this.refresh();
    return this.#index.list();
  }

  /** Is there no file, of whichever process? A look at the disk of its own. @throws Error of the file system */
  async isEmpty(): Promise<boolean> {
    try {
      return (await namedIn(this.#folder)).length === 0;
    } catch (error) {
      if (isMissing(error)) return true;
      throw error;
    }
  }

  /** What is there: at once for this process, as of the last refresh for the others. */
  usage(): AcceptedUsage {
    return this.#index.usage(this.clock.wallMs());
  }

  /** Milliseconds since a file was accepted. */
  ageMs(file: AcceptedFile): number {
    return this.clock.wallMs() - file.acceptedAtMs;
  }

  /** Sees what other processes have kept and removed. @throws Error of the file system */
  refresh(): Promise<void> {
    return this.#index.refresh();
  }
}
