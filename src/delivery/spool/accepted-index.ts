import { lstat, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../resilience/clock.js';
import { isMissing } from '../../resilience/spool-failure.js';
import { type NamedFile, namedFile } from './file-name.js';

/** A file that was accepted and is still there. */
export interface AcceptedFile extends NamedFile {
  readonly name: string;
  readonly bytes: number;
  /** When it was given its name, in milliseconds since 1970. */
  readonly acceptedAtMs: number;
}

/** What all processes that share the folder hold there. */
export interface AcceptedUsage {
  readonly bytes: number;
  readonly files: number;
}

interface Entry extends AcceptedFile {
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

/** The file as it is on the disk now; undefined where there is none. @throws Error of the file system */
export async function lookAt(folder: string, name: string): Promise<AcceptedFile | undefined> {
  const named = namedFile(name);
  if (!named) return undefined;
  try {
    const status = await lstat(join(folder, name));
    if (!status.isFile()) return undefined;
    // Not when it was written last: nobody but the kernel sets this one, when the file gets its name.
    return { ...named, name, bytes: status.size, acceptedAtMs: status.ctimeMs };
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
  /** How many files there are of an upload. */
  readonly #uploads = new Map<string, number>();
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

  add(file: AcceptedFile): void {
    this.#take(file.name);
    this.#put(file);
  }

  drop(name: string): void {
    if (this.#refreshing) this.#taken.add(name);
    this.#take(name);
  }

  get usage(): AcceptedUsage {
    return { bytes: this.#bytes, files: this.#files.size };
  }

  /** Undefined where there is no file. Wrong by the time between two refreshes at most. */
  get oldest(): AcceptedFile | undefined {
    return this.#files.values().next().value;
  }

  has(name: string): boolean {
    return this.#files.has(name);
  }

  /** The files of an upload that the last refresh has seen, or this process has put in. */
  namesOf(uploadId: string): string[] {
    if (!this.#uploads.has(uploadId)) return [];
    return this.list().flatMap((file) => (file.uploadId === uploadId ? [file.name] : []));
  }

  /** Is it certain that the folder has no file of an upload? @throws Error of the file system */
  async hasNone(uploadId: string): Promise<boolean> {
    await this.refreshInTurn();
    if (this.#uploads.has(uploadId)) return false;
    return (await changedAtMs(this.folder)) === this.#seenChangeMs;
  }

  list(): AcceptedFile[] {
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
    if ((await changedAtMs(this.folder)) !== this.#seenChangeMs) await this.refresh();
  }

  async #refresh(): Promise<void> {
    this.#refreshes += 1;
    const startedMs = this.clock.monotonicMs();
    const changedMs = await changedAtMs(this.folder);
    const isFresh = this.clock.wallMs() - changedMs < FRESH_MS;
    await this.#read();
    this.#seenChangeMs = isFresh ? undefined : changedMs;
    const endedMs = this.clock.monotonicMs();
    this.#restUntilMs = endedMs + REST * (endedMs - startedMs);
  }

  async #read(): Promise<void> {
    const unknown = await this.#seeKnown();
    for (const { name, seenBy } of this.#files.values()) {
      if (seenBy !== this.#refreshes) this.#take(name);
    }
    for (const file of await this.#lookAtAll(unknown)) {
      if (!this.#files.has(file.name) && !this.#taken.has(file.name)) this.#put(file);
    }
  }

  /** Marks what is known and still there, and gives the names of the rest. */
  async #seeKnown(): Promise<string[]> {
    const unknown: string[] = [];
    for await (const { name } of await opendir(this.folder, { bufferSize: READ_NAMES })) {
      const known = this.#files.get(name);
      if (known) known.seenBy = this.#refreshes;
      else unknown.push(name);
    }
    return unknown;
  }

  /** The files of these names that are there, the oldest first. */
  async #lookAtAll(names: readonly string[]): Promise<AcceptedFile[]> {
    const files: AcceptedFile[] = [];
    for (let from = 0; from < names.length; from += LOOKS) {
      const some = names.slice(from, from + LOOKS).map((name) => lookAt(this.folder, name));
      for (const file of await Promise.all(some)) if (file) files.push(file);
    }
    return files.toSorted((one, other) => one.acceptedAtMs - other.acceptedAtMs);
  }

  #put(file: AcceptedFile): void {
    this.#files.set(file.name, { ...file, seenBy: this.#refreshes });
    this.#uploads.set(file.uploadId, (this.#uploads.get(file.uploadId) ?? 0) + 1);
    this.#bytes += file.bytes;
  }

  #take(name: string): void {
    const file = this.#files.get(name);
    if (!file) return;
    this.#files.delete(name);
    this.#bytes -= file.bytes;
    const others = (this.#uploads.get(file.uploadId) ?? 0) - 1;
    if (others > 0) this.#uploads.set(file.uploadId, others);
    else this.#uploads.delete(file.uploadId);
  }
}

async function changedAtMs(folder: string): Promise<number> {
  return (await stat(folder)).mtimeMs;
}
