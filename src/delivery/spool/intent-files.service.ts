import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { lstat, readFile, readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseKeepingNumbers } from '../../errors/json-numbers.js';
import { type Clock, systemClock } from '../../timing/clock.js';
import { makeFolder, syncFolder } from '../../body/durable-folder.js';
import { isMissing, notKept } from '../../body/spool-failure.js';
import { SpoolDamaged } from './spool-damaged.js';

const INTENT_FILE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/;
const ASIDE_FILE = /^[0-9a-f-]{36}\.json\.[0-9a-f-]{36}$/;
/** Nobody takes so long to write a few kilobytes. */
const ASIDE_AGE_MS = 3_600_000;

/**
 * What is to be done and could not be written down in the database: `<spool>/intents/<upload id>.json`. A file that
 * has its name is complete and durable; one of the same id replaces it.
 */
@Injectable()
export class IntentFiles {
  readonly #folder: string;

  constructor(
    spoolPath: string,
    private readonly clock: Clock = systemClock,
  ) {
    this.#folder = join(spoolPath, 'intents');
  }

  /** Writes down, durably, what JSON can say. @throws SPOOL_FULL, INTERNAL_ERROR */
  async write(uploadId: string, intent: unknown): Promise<void> {
    const path = this.#path(uploadId);
    const aside = `${path}.${randomUUID()}`;
    try {
      await makeFolder(this.#folder);
      await writeFile(aside, `${JSON.stringify(intent)}\n`, { flag: 'wx', mode: 0o600, flush: true });
      await rename(aside, path);
      await syncFolder(this.#folder);
    } catch (error) {
      await rm(aside, { force: true }).catch(() => undefined);
      throw notKept(error);
    }
  }

  /** What was written; undefined where there is nothing. @throws SpoolDamaged when it is no JSON any more */
  async read(uploadId: string): Promise<unknown> {
    const text = await readFile(this.#path(uploadId), 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    try {
      return parseKeepingNumbers(text);
    } catch (error) {
      throw new SpoolDamaged('An intent cannot be read.', error);
    }
  }

  /** The ids of all that are there. @throws Error of the file system */
  async list(): Promise<string[]> {
    const names = await this.#names();
    return names.flatMap((name) => INTENT_FILE.exec(name)?.[1] ?? []);
  }

  /** Removes one durably. Harmless when there is none. @throws Error of the file system */
  async remove(uploadId: string): Promise<void> {
    try {
      await unlink(this.#path(uploadId));
      await syncFolder(this.#folder);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  /** Removes what killed processes have not finished to write. Gives how many. @throws Error of the file system */
  async removeLeftOvers(): Promise<number> {
    const aside = (await this.#names()).filter((name) => ASIDE_FILE.test(name));
    let removed = 0;
    for (const name of aside) {
      const path = join(this.#folder, name);
      const status = await lstat(path).catch(() => undefined);
      if (!status?.isFile() || this.clock.wallMs() - status.ctimeMs < ASIDE_AGE_MS) continue;
      await rm(path, { force: true });
      removed += 1;
    }
    return removed;
  }

  async #names(): Promise<string[]> {
    return readdir(this.#folder).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
  }

  #path(uploadId: string): string {
    const name = `${uploadId}.json`;
    // Nothing but an id of ours becomes a path.
    if (!INTENT_FILE.test(name)) throw new RangeError(`Not the id of an upload: ${uploadId}`);
    return join(this.#folder, name);
  }
}
