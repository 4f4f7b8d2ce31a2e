import { Injectable, Logger } from '@nestjs/common';
import type { Stats } from 'node:fs';
import { lstat, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { DurableBody } from '../../body/body-source.js';
import { type Clock, systemClock } from '../../timing/clock.js';
import { FolderSyncs, makeFolder } from '../../body/durable-folder.js';
import { isMissing, notKept } from '../../body/spool-failure.js';
import type { ContentDigest } from '../../storage/storage-element.js';
import { AcceptedBody } from './accepted-body.js';
import { type AcceptedFile, acceptedFile, newAcceptedFile } from './accepted-file.js';
import { AcceptedIndex, type AcceptedUsage } from './accepted-index.js';
import { failure, type ReadHooks, openPromised } from './accepted-reader.js';

/** Bytes that a download takes from the disk at once. */
const DOWNLOAD_BLOCK_BYTES = 256 * 1024;

/** What is known of a file before it has a name. */
export type FileToKeep = Pick<AcceptedFile, 'uploadId' | 'databaseId' | 'bytes'>;

/*
 * The files that were accepted and are not delivered yet: `<spool>/accepted/<name>`, each one private, complete and durable
 * from the moment it is kept. The folder may be shared by several processes, on one file system with the rest of the spool.
 *
 * A file is never changed, and its name is never used again: whoever removes one can only remove what he means, however
 * long ago he decided to. Whether a file is promised to anybody only the database knows; a file alone promises nothing.
 */
@Injectable()
export class AcceptedFiles {
  private readonly logger = new Logger(AcceptedFiles.name);
  readonly #folder: string;
  readonly #index: AcceptedIndex;
  readonly #syncs: FolderSyncs;
  /** As far as is known: after a failure it is made anew. */
  #isMade = false;

  constructor(
    spoolPath: string,
    private readonly clock: Clock = systemClock,
    /** Hears of buffers of so many bytes that were read, and are of no use any more. */
    private readonly passed: (bytes: number) => void = () => undefined,
  ) {
    this.#folder = join(spoolPath, 'accepted');
    this.#index = new AcceptedIndex(this.#folder, clock);
    this.#syncs = new FolderSyncs(this.#folder);
  }

  /** Makes the folder, and sees what is in it. @throws Error of the file system */
  async prepare(): Promise<void> {
    await makeFolder(this.#folder);
    await this.refresh();
  }

  /** The same, regularly: sees nothing where there is nothing new, or to see it would cost much. @throws Error of the file system */
  async prepareInTurn(): Promise<void> {
    await makeFolder(this.#folder);
    await this.#index.refreshInTurn();
  }

  /**
   * Makes a body durable under a name of its own. The body is still to be disposed of. `onCounted` is called in the moment
   * in which the file begins to count. @throws SPOOL_FULL, INTERNAL_ERROR
   */
  async keep(body: DurableBody, of: FileToKeep, onCounted?: () => void): Promise<AcceptedFile> {
    const file = newAcceptedFile({ ...of, acceptedAtMs: this.clock.wallMs() });
    await this.#make();
    try {
      await body.persist(this.#pathOf(file.name), () => this.#syncs.sync());
    } catch (error) {
      this.#isMade = false;
      // A look at the folder may have seen it.
      this.#index.drop(file.name);
      throw error;
    }
    this.#index.add(file.name);
    onCounted?.();
    return file;
  }

  /** Is there a file of this name? One look at the disk. */
  async has(name: string): Promise<boolean> {
    return (await this.#statusOf(name)) !== undefined;
  }

  /** Has the last look at the folder seen a file of this name? */
  hasSeen(name: string): boolean {
    return this.#index.has(name);
  }

  /** The names of those of an upload that the last look has seen. */
  namesOf(uploadId: string): string[] {
    return this.#index.namesOf(uploadId);
  }

  /** Is it certain that there is no file of an upload? @throws Error of the file system */
  async hasNone(uploadId: string): Promise<boolean> {
    return this.#index.hasNone(uploadId).catch((error: unknown) => {
      if (isMissing(error)) return true;
      throw error;
    });
  }

  /**
   * The file as a body that any number of attempts can read. A stream of it fails with SpoolDamaged, before its last
   * block, when the bytes are not those that were promised, or `hooks` do not let it finish.
   * @throws SpoolFileMissing; SpoolDamaged when the file has another size; INTERNAL_ERROR when the disk fails
   */
  async open(name: string, promised: ContentDigest, hooks: ReadHooks = {}): Promise<AcceptedBody> {
    const path = this.#pathOf(name);
    try {
      const file = await openPromised(path, promised);
      await file.close();
    } catch (error) {
      throw failure(error);
    }
    return new AcceptedBody(path, promised, { passed: this.passed, ...hooks });
  }

  /**
   * The bytes as they are on the disk, damaged or not, for a person; undefined where there are none. Who takes the stream
   * destroys it. @throws Error of the file system
   */
  async content(name: string): Promise<{ size: number; stream: Readable } | undefined> {
    const handle = await open(this.#pathOf(name), 'r').catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (!handle) return undefined;
    const { size } = await handle.stat();
    return { size, stream: handle.createReadStream({ highWaterMark: DOWNLOAD_BLOCK_BYTES }) };
  }

  /** Removes a file that nobody is promised. Harmless when there is none. @throws Error of the file system */
  async remove(name: string): Promise<void> {
    // A name that comes back with a power cut is removed by the sweep.
    await rm(this.#pathOf(name), { force: true });
    this.#index.drop(name);
  }

  /** The same, but never fails: what is not removed now, the sweep finds. */
  async removeSoon(name: string | null): Promise<void> {
    if (name === null) return;
    try {
      await this.remove(name);
    } catch (error) {
      this.logger.warn({ err: error, file: name }, 'a file stays in the spool for now');
    }
  }

  /** The names of all files that are there now, those of other processes too. @throws Error of the file system */
  async list(): Promise<string[]> {
    await this.refresh();
    return this.#index.list();
  }

  /** What is there: at once for this process, as of the last refresh for the others. */
  usage(): AcceptedUsage {
    return this.#index.usage;
  }

  /** Milliseconds since the oldest file was accepted; 0 where there is none. */
  oldestAgeMs(): number {
    const { oldest } = this.#index;
    return oldest ? Math.max(0, this.clock.wallMs() - oldest.acceptedAtMs) : 0;
  }

  /**
   * Milliseconds from when a file got its name, by the clock of the file system, until now, by ours; undefined where there is
   * no such file. @throws Error of the file system
   */
  async ageMs(name: string): Promise<number | undefined> {
    const status = await this.#statusOf(name);
    // Not when it was written last: nobody but the kernel sets this one, when the file gets its name.
    return status && this.clock.wallMs() - status.ctimeMs;
  }

  /** Sees what other processes have kept and removed. @throws Error of the file system */
  refresh(): Promise<void> {
    return this.#index.refresh();
  }

  #pathOf(name: string): string {
    return join(this.#folder, name);
  }

  async #statusOf(name: string): Promise<Stats | undefined> {
    if (!acceptedFile(name)) return undefined;
    try {
      const status = await lstat(this.#pathOf(name));
      return status.isFile() ? status : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #make(): Promise<void> {
    if (this.#isMade) return;
    try {
      await makeFolder(this.#folder);
      this.#isMade = true;
    } catch (error) {
      throw notKept(error);
    }
  }
}
