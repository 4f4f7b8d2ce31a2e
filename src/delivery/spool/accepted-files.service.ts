import { Injectable, Logger } from '@nestjs/common';
import { lstat, open, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { DurableBody } from '../../resilience/body-source.js';
import { type Clock, systemClock } from '../../resilience/clock.js';
import { makeFolder, syncFolder } from '../../resilience/durable-folder.js';
import { isMissing, notKept } from '../../resilience/spool-failure.js';
import type { ReplayableBody } from '../../storage/replayable-body.js';
import type { ContentDigest } from '../../storage/storage-element.js';
import { AcceptedBody } from './accepted-body.js';
import {
  type AcceptedFile,
  AcceptedIndex,
  type AcceptedUsage,
  type CountedFile,
  fileName,
  identityOf,
  isFileName,
  lookAt,
} from './accepted-index.js';
import { failure, openPromised } from './accepted-reader.js';
import { type AsideFile, asideIn, isAsideName, putBack, takeAside } from './aside-files.js';

/** A file that was kept just now. */
export interface KeptFile extends AcceptedFile {
  readonly name: string;
}

/** Bytes that a download takes from the disk at once. */
const DOWNLOAD_BLOCK_BYTES = 256 * 1024;

/*
 * The files that were accepted and are not delivered yet: `<spool>/accepted/<upload id>.upload`, each one private,
 * complete and durable from the moment it has its name. The folder may be shared by several processes, on one file
 * system with the rest of the spool, which must know hard links.
 *
 * A file is never changed and never replaced: a name that is taken stays so until its file is removed. Whether a file
 * is promised to anybody only the database knows; a file alone promises nothing.
 *
 * Whoever removes may have been stopped since he decided to, and the name may have been given to a new promise
 * meanwhile. So a file is first taken aside, then the database is asked, and what is needed is put back. Whoever
 * promises looks whether his file is in its place while the database knows that he is at it: either he is seen, or he
 * sees that the file is gone.
 */
@Injectable()
export class AcceptedFiles {
  private readonly logger = new Logger(AcceptedFiles.name);
  readonly #folder: string;
  readonly #index: AcceptedIndex;

  constructor(
    spoolPath: string,
    /** Is an upload promised, or may it just be being promised? @throws QUEUE_UNAVAILABLE */
    private readonly isNeeded: (uploadId: string) => Promise<boolean>,
    private readonly clock: Clock = systemClock,
  ) {
    this.#folder = join(spoolPath, 'accepted');
    this.#index = new AcceptedIndex(this.#folder, clock);
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
   * Makes a body durable under the id of its upload. The body is still to be disposed of. `onCounted` is called in the
   * moment in which the file begins to count.
   * @throws SPOOL_FULL, INTERNAL_ERROR; UPLOAD_IN_PROGRESS when the id has a file, which another process may be about
   * to promise
   */
  async keep(body: DurableBody, uploadId: string, onCounted?: () => void): Promise<KeptFile> {
    const name = fileName(uploadId);
    const path = join(this.#folder, name);
    await makeFolder(this.#folder);
    await body.persist(path);
    const file = await this.find(uploadId).catch((error: unknown) => {
      throw notKept(error);
    });
    if (!file) throw notKept(new Error(`${path} is gone`));
    this.#index.add(file);
    onCounted?.();
    return { ...file, name };
  }

  /** Is what was kept still in its place? @throws Error of the file system */
  async holds({ uploadId, identity }: KeptFile): Promise<boolean> {
    return (await this.find(uploadId))?.identity === identity;
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

  /**
   * Removes the file durably, unless it is promised after all. True when it is gone by this; harmless when there is
   * none. @throws QUEUE_UNAVAILABLE when that cannot be asked, Error of the file system: then the file stays
   */
  async remove(uploadId: string): Promise<boolean> {
    const aside = await takeAside(this.#folder, uploadId);
    if (aside) return this.#settle(aside);
    this.#index.drop(uploadId);
    return false;
  }

  /** Removes a file that nobody needs any more. Never fails: what is not removed now, the sweep finds. */
  async removeSoon(uploadId: string): Promise<void> {
    try {
      await this.remove(uploadId);
    } catch (error) {
      this.logger.warn({ err: error, upload_id: uploadId }, 'a file stays in the spool for now');
    }
  }

  /** Removes what was kept and could not be promised, and nothing else of its name. @throws Error of the file system */
  async discard({ uploadId, identity }: KeptFile): Promise<void> {
    const aside = await takeAside(this.#folder, uploadId);
    if (!aside) return this.#index.drop(uploadId);
    if (identityOf(await lstat(aside.path)) === identity) await this.#removeAside(aside);
    else await putBack(this.#folder, aside);
  }

  /** Ends the removals that killed processes have begun. @throws QUEUE_UNAVAILABLE, Error of the file system */
  async settleAside(): Promise<void> {
    for (const aside of await asideIn(this.#folder)) await this.#settle(aside);
  }

  /** All files that are there now, those of other processes too. @throws Error of the file system */
  async list(): Promise<CountedFile[]> {
    await this.refresh();
    return this.#index.list();
  }

  /** Is there no file, of whichever process? A look at the disk of its own. @throws Error of the file system */
  async isEmpty(): Promise<boolean> {
    try {
      for await (const { name } of await opendir(this.#folder)) {
        if (isFileName(name) || isAsideName(name)) return false;
      }
      return true;
    } catch (error) {
      if (isMissing(error)) return true;
      throw error;
    }
  }

  /** What is there: at once for this process, as of the last refresh for the others. */
  usage(): AcceptedUsage {
    return this.#index.usage;
  }

  /** Milliseconds since the oldest file was accepted; 0 where there is none. */
  oldestAgeMs(): number {
    const { oldest } = this.#index;
    return oldest ? this.ageMs(oldest) : 0;
  }

  /** Milliseconds since a file was accepted. */
  ageMs(file: CountedFile): number {
    return this.clock.wallMs() - file.acceptedAtMs;
  }

  /** Sees what other processes have kept and removed. @throws Error of the file system */
  refresh(): Promise<void> {
    return this.#index.refresh();
  }

  async #settle(aside: AsideFile): Promise<boolean> {
    let needed = true;
    try {
      needed = await this.isNeeded(aside.uploadId);
    } finally {
      if (needed) await putBack(this.#folder, aside);
      else await this.#removeAside(aside);
    }
    return !needed;
  }

  async #removeAside({ uploadId, path }: AsideFile): Promise<void> {
    await rm(path, { force: true });
    await syncFolder(this.#folder);
    this.#index.drop(uploadId);
  }
}
