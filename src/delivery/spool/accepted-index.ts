import { opendir, stat } from 'node:fs/promises';
import type { Clock } from '../../timing/clock.js';
import { NextRun } from '../../timing/next-run.js';
import { type AcceptedFile, acceptedFile } from './accepted-file.js';

/** What all processes that share the folder hold there. */
export interface AcceptedUsage {
  readonly bytes: number;
  readonly files: number;
}

/** Names that are read at once: the event loop waits for no more. */
const READ_NAMES = 1000;

/** Of the time, the regular refreshes take one part in so many. */
const REST = 100;

/** A folder that was changed so shortly before it was read may have changed once more without showing it. */
const FRESH_MS = 2_000;

/**
 * What is known of the folder without a look at the disk. Bytes and files are counted, not summed up. All is told by the
 * names, and a backlog may be large, so that names are all that is held; what this process does itself is known at once.
 */
export class AcceptedIndex {
  /**
   * The names in the order in which they were accepted, but for what other processes did since the refresh before, each with
   * the refresh that has seen it last, or in whose time this process has put it in.
   */
  readonly #names = new Map<string, number>();
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
  readonly #changedMs: NextRun<number>;

  constructor(
    private readonly folder: string,
    private readonly clock: Clock,
  ) {
    this.#changedMs = new NextRun(() => changedAtMs(folder));
  }

  add(name: string): void {
    this.#take(name);
    this.#put(name);
  }

  drop(name: string): void {
    if (this.#refreshing) this.#taken.add(name);
    this.#take(name);
  }

  get usage(): AcceptedUsage {
    return { bytes: this.#bytes, files: this.#names.size };
  }

  /** Undefined where there is no file. Wrong by the time between two refreshes at most. */
  get oldest(): AcceptedFile | undefined {
    const name = this.#names.keys().next().value;
    return name === undefined ? undefined : acceptedFile(name);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** The files of an upload that the last refresh has seen, or this process has put in. */
  namesOf(uploadId: string): string[] {
    if (!this.#uploads.has(uploadId)) return [];
    return this.list().filter((name) => name.startsWith(uploadId));
  }

  /** Is it certain that the folder has no file of an upload? @throws Error of the file system */
  async hasNone(uploadId: string): Promise<boolean> {
    if (!(await this.#isAsSeen())) {
      if (this.#rests) return false;
      await this.refresh();
      if (!(await this.#isAsSeen())) return false;
    }
    return !this.#uploads.has(uploadId);
  }

  list(): string[] {
    return [...this.#names.keys()];
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
    if (!this.#rests && !(await this.#isAsSeen())) await this.refresh();
  }

  get #rests(): boolean {
    return this.clock.monotonicMs() < this.#restUntilMs;
  }

  /** Is the folder as the last refresh has seen it? */
  async #isAsSeen(): Promise<boolean> {
    return (await this.#changedMs.get()) === this.#seenChangeMs;
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
    for (const [name, seenBy] of this.#names) {
      if (seenBy !== this.#refreshes) this.#take(name);
    }
    for (const { name } of unknown.toSorted((one, other) => one.acceptedAtMs - other.acceptedAtMs)) {
      if (!this.#names.has(name) && !this.#taken.has(name)) this.#put(name);
    }
  }

  /** Marks what is known and still there, and gives the rest. */
  async #seeKnown(): Promise<AcceptedFile[]> {
    const unknown: AcceptedFile[] = [];
    for await (const { name } of await opendir(this.folder, { bufferSize: READ_NAMES })) {
      if (this.#names.has(name)) {
        this.#names.set(name, this.#refreshes);
        continue;
      }
      const file = acceptedFile(name);
      if (file) unknown.push(file);
    }
    return unknown;
  }

  #put(name: string): void {
    const file = acceptedFile(name);
    if (!file) return;
    this.#names.set(name, this.#refreshes);
    this.#uploads.set(file.uploadId, (this.#uploads.get(file.uploadId) ?? 0) + 1);
    this.#bytes += file.bytes;
  }

  #take(name: string): void {
    const file = this.#names.delete(name) ? acceptedFile(name) : undefined;
    if (!file) return;
    this.#bytes -= file.bytes;
    const others = (this.#uploads.get(file.uploadId) ?? 0) - 1;
    if (others > 0) this.#uploads.set(file.uploadId, others);
    else this.#uploads.delete(file.uploadId);
  }
}

async function changedAtMs(folder: string): Promise<number> {
  return (await stat(folder)).mtimeMs;
}
