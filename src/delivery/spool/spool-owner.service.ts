import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceError } from '../../errors/service-error.js';
import { makeFolder, syncFolder } from '../../resilience/durable-folder.js';
import { isMissing, isTaken } from '../../resilience/spool-failure.js';
import type { AcceptedFiles } from './accepted-files.service.js';
import type { SpoolPromises } from './spool-comparison.js';

const RETRY_AFTER_MS = 30_000;

/**
 * Knows whose promises the accepted files are: `<spool>/database-id` names the database, and is there before the first
 * file. Another database knows nothing of these files, which is no reason to remove them.
 */
@Injectable()
export class SpoolOwner {
  readonly #spoolPath: string;
  readonly #path: string;
  #databaseId: string | undefined;
  #foreign = false;

  constructor(
    spoolPath: string,
    private readonly files: AcceptedFiles,
    private readonly promises: Pick<SpoolPromises, 'origin'>,
  ) {
    this.#spoolPath = spoolPath;
    this.#path = join(spoolPath, 'database-id');
  }

  /** Did the last look find files of another database? */
  get isForeign(): boolean {
    return this.#foreign;
  }

  /**
   * Makes the folder ours before a file is kept. An empty one goes to whoever comes.
   * @throws QUEUE_UNAVAILABLE when it holds files of another database, or ours cannot be asked; Error of the file system
   */
  async claim(): Promise<void> {
    if (this.#databaseId === undefined || (await this.#read()) !== this.#databaseId) {
      this.#foreign = !(await this.#claim());
    }
    if (this.#foreign) throw foreign();
  }

  /** After a file was kept: another database may have taken the empty folder meanwhile. @throws as `claim` */
  async confirm(): Promise<void> {
    if ((await this.#read()) !== this.#databaseId) throw foreign();
  }

  /**
   * Does our database decide on what lies in the folder? One from before there was a `database-id` is taken for that
   * of a database which has made promises. @throws QUEUE_UNAVAILABLE, Error of the file system
   */
  async isOurs(): Promise<boolean> {
    this.#foreign = !(await this.files.isEmpty()) && !(await this.#claim());
    return !this.#foreign;
  }

  async #claim(): Promise<boolean> {
    const { databaseId, hasPromised } = await this.promises.origin();
    this.#databaseId = databaseId;
    const recorded = await this.#read();
    if (recorded === databaseId) return true;
    const isEmpty = await this.files.isEmpty();
    if (recorded === undefined) return (isEmpty || hasPromised) && this.#put(await this.#write(databaseId));
    return isEmpty && this.#takeOver(databaseId);
  }

  /**
   * First takes away what is recorded, then looks whether the folder is still empty: whoever has kept a file there in
   * between is seen here, or sees in `confirm` that it is not his any more.
   */
  async #takeOver(databaseId: string): Promise<boolean> {
    const former = this.#aside();
    try {
      await rename(this.#path, former);
    } catch (error) {
      // Another process is about to do the same.
      if (isMissing(error)) return false;
      throw error;
    }
    if (!(await this.files.isEmpty())) return this.#put(former);
    await rm(former, { force: true });
    return this.#put(await this.#write(databaseId));
  }

  /** A file aside with the id in it. */
  async #write(databaseId: string): Promise<string> {
    const aside = this.#aside();
    await makeFolder(this.#spoolPath);
    await writeFile(aside, `${databaseId}\n`, { flag: 'wx', mode: 0o600, flush: true });
    return aside;
  }

  /** Gives a file its place unless that is taken, durably; true where what is there then is our id. */
  async #put(aside: string): Promise<boolean> {
    try {
      await link(aside, this.#path);
    } catch (error) {
      if (!isTaken(error)) throw error;
    } finally {
      await rm(aside, { force: true });
    }
    await syncFolder(this.#spoolPath);
    return (await this.#read()) === this.#databaseId;
  }

  async #read(): Promise<string | undefined> {
    try {
      return (await readFile(this.#path, 'utf8')).trim();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #aside(): string {
    return `${this.#path}.${randomUUID()}`;
  }
}

function foreign(): ServiceError {
  return new ServiceError('QUEUE_UNAVAILABLE', 'Files cannot be accepted for later delivery now.', {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
