import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../resilience/spool-failure.js';

/** A file that was accepted and is still there. */
export interface AcceptedFile {
  readonly uploadId: string;
  readonly bytes: number;
  /** Tells it from another file that has its name later, and stays with it whatever its name. */
  readonly identity: string;
  /** When it was given its name, in milliseconds since 1970. */
  readonly acceptedAtMs: number;
}

/** What all processes that share the folder hold there. */
export interface AcceptedUsage {
  readonly bytes: number;
  readonly files: number;
  /** 0 when there is no file. */
  readonly oldestAgeMs: number;
}

const UPLOAD_FILE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.upload$/;

export function fileName(uploadId: string): string {
  const name = `${uploadId}.upload`;
  // Nothing but an id of ours becomes a path.
  if (!isFileName(name)) throw new RangeError(`Not the id of an upload: ${uploadId}`);
  return name;
}

export function isFileName(name: string): boolean {
  return UPLOAD_FILE.test(name);
}

/** The number of a file that is gone may be given to the next one. */
export function identityOf({ ino, mtimeMs }: Stats): string {
  return `${ino} ${mtimeMs}`;
}

/** The file as it is on the disk now; undefined where there is none. */
export async function lookAt(folder: string, uploadId: string): Promise<AcceptedFile | undefined> {
  try {
    const status = await lstat(join(folder, fileName(uploadId)));
    if (!status.isFile()) return undefined;
    // Not when it was written last: nobody but the kernel sets this one, when the file gets its name.
    return { uploadId, bytes: status.size, identity: identityOf(status), acceptedAtMs: status.ctimeMs };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The ids of all files in the folder, which must be there. @throws Error of the file system */
async function namedIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.flatMap((name) => UPLOAD_FILE.exec(name)?.[1] ?? []);
}

/**
 * What is known of the folder without a look at the disk. Files never change, so a refresh looks only at those that
 * are new; what this process does itself is known at once.
 */
export class AcceptedIndex {
  readonly #files = new Map<string, AcceptedFile>();
  /** Put in or taken out since the refresh under way has begun to read. */
  readonly #touched = new Set<string>();
  #bytes = 0;
  #refreshing: Promise<void> | undefined;

  constructor(private readonly folder: string) {}

  add(file: AcceptedFile): void {
    this.#touched.add(file.uploadId);
    this.#put(file);
  }

  drop(uploadId: string): void {
    this.#touched.add(uploadId);
    this.#take(uploadId);
  }

  usage(nowMs: number): AcceptedUsage {
    let oldestMs = nowMs;
    for (const { acceptedAtMs } of this.#files.values()) oldestMs = Math.min(oldestMs, acceptedAtMs);
    return { bytes: this.#bytes, files: this.#files.size, oldestAgeMs: nowMs - oldestMs };
  }

  list(): AcceptedFile[] {
    return [...this.#files.values()];
  }

  /** Sees what other processes have done. One that is under way serves all. @throws Error of the file system */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    this.#touched.clear();
    const there = new Set(await namedIn(this.folder));
    for (const uploadId of this.#files.keys()) {
      if (!there.has(uploadId) && !this.#touched.has(uploadId)) this.#take(uploadId);
    }
    const unknown = [...there].filter((uploadId) => !this.#files.has(uploadId));
    for (const uploadId of unknown) {
      const file = await lookAt(this.folder, uploadId);
      if (file && !this.#touched.has(uploadId)) this.#put(file);
    }
  }

  #put(file: AcceptedFile): void {
    this.#take(file.uploadId);
    this.#files.set(file.uploadId, file);
    this.#bytes += file.bytes;
  }

  #take(uploadId: string): void {
    this.#bytes -= this.#files.get(uploadId)?.bytes ?? 0;
    this.#files.delete(uploadId);
  }
}
