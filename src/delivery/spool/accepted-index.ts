import type { Stats } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../resilience/clock.js';
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

/** What is known of a file without a look at the disk. */
export type CountedFile = Omit<AcceptedFile, 'identity'>;

/** What all processes that share the folder hold there. */
export interface AcceptedUsage {
  readonly bytes: number;
  readonly files: number;
}

interface Entry extends CountedFile {
  /** The refresh that has seen it last, or in whose time this process has put it in. */
  seenBy: number;
}

/** Names that are read at once: the event loop waits for no more. */
const READ_NAMES = 1000;

/** Files that are looked at at once. */
const LOOKS = 64;

/** Of the time, the regular refreshes take one part in so many. */
const REST = 100;

/** A folder that was changed so shortly before it was read may have changed once more without showing it. */
const FRESH_MS = 2_000;

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

/**
 * What is known of the folder without a look at the disk. Bytes and files are counted, not summed up. Files never
 * change, so a refresh looks only at those that are new; what this process does itself is known at once.
 */
export class AcceptedIndex {
  /** In the order in which they were accepted, but for what other processes did since the refresh before. */
  readonly #files = new Map<string, Entry>();
  /** Taken out since the refresh under way has begun. */
  readonly #taken = new Set<string>();
  #bytes = 0;
  #refreshes = 0;
  #refreshing: Promise<void> | undefined;
  #restUntilMs = 0;
  /** When the folder had been changed last as the last refresh began; undefined where it may have changed unseen. */
  #seenChangeMs: number | undefined;

  constructor(
    private readonly folder: string,
    private readonly clock: Clock,
  ) {}

  add(file: CountedFile): void {
    this.#take(file.uploadId);
    this.#put(file);
  }

  drop(uploadId: string): void {
    if (this.#refreshing) this.#taken.add(uploadId);
    this.#take(uploadId);
  }

  get usage(): AcceptedUsage {
    return { bytes: this.#bytes, files: this.#files.size };
  }

  /** Undefined where there is no file. Wrong by the time between two refreshes at most. */
  get oldest(): CountedFile | undefined {
    return this.#files.values().next().value;
  }

  list(): CountedFile[] {
    return [...this.#files.values()];
  }

  /** Sees what other processes have done. One that is under way serves all. @throws Error of the file system */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
      this.#taken.clear();
    });
    return this.#refreshing;
  }

  /**
   * Refreshes unless the folder is as it was, or is so large that the last time took long: a hundred times as long it is
   * left alone. @throws Error of the file system
   */
  async refreshInTurn(): Promise<void> {
    if (this.clock.monotonicMs() < this.#restUntilMs) return;
    if ((await stat(this.folder)).mtimeMs !== this.#seenChangeMs) await this.refresh();
  }

  async #refresh(): Promise<void> {
    this.#refreshes += 1;
    const startedMs = this.clock.monotonicMs();
    const { mtimeMs } = await stat(this.folder);
    const isFresh = this.clock.wallMs() - mtimeMs < FRESH_MS;
    await this.#read();
    this.#seenChangeMs = isFresh ? undefined : mtimeMs;
    const endedMs = this.clock.monotonicMs();
    this.#restUntilMs = endedMs + REST * (endedMs - startedMs);
  }

  async #read(): Promise<void> {
    const unknown = await this.#seeKnown();
    for (const { uploadId, seenBy } of this.#files.values()) {
      if (seenBy !== this.#refreshes) this.#take(uploadId);
    }
    for (const file of await this.#lookAtAll(unknown)) {
      if (!this.#files.has(file.uploadId) && !this.#taken.has(file.uploadId)) this.#put(file);
    }
  }

  /** Marks what is known and still there, and gives the ids of the rest. */
  async #seeKnown(): Promise<string[]> {
    const unknown: string[] = [];
    for await (const { name } of await opendir(this.folder, { bufferSize: READ_NAMES })) {
      const uploadId = UPLOAD_FILE.exec(name)?.[1];
      if (uploadId === undefined) continue;
      const known = this.#files.get(uploadId);
      if (known) known.seenBy = this.#refreshes;
      else unknown.push(uploadId);
    }
    return unknown;
  }

  /** The files of these uploads that are there, the oldest first. */
  async #lookAtAll(uploadIds: readonly string[]): Promise<AcceptedFile[]> {
    const files: AcceptedFile[] = [];
    for (let from = 0; from < uploadIds.length; from += LOOKS) {
      const some = uploadIds.slice(from, from + LOOKS).map((uploadId) => lookAt(this.folder, uploadId));
      for (const file of await Promise.all(some)) if (file) files.push(file);
    }
    return files.toSorted((one, other) => one.acceptedAtMs - other.acceptedAtMs);
  }

  #put({ uploadId, bytes, acceptedAtMs }: CountedFile): void {
    this.#files.set(uploadId, { uploadId, bytes, acceptedAtMs, seenBy: this.#refreshes });
    this.#bytes += bytes;
  }

  #take(uploadId: string): void {
    this.#bytes -= this.#files.get(uploadId)?.bytes ?? 0;
    this.#files.delete(uploadId);
  }
}
