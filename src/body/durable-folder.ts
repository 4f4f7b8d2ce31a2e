import { close, fsync, open as openDescriptor } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

// Plain descriptors where many are synced: a FileHandle costs more time than the disk does.
const openFolder = promisify(openDescriptor);
const syncDescriptor = promisify(fsync);

/** Makes the names in `folder` durable: a new, renamed or removed file is so only after this. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes `folder` and those above it that are missing, private and durable. One that exists keeps its mode: it may be
 * somebody else's, with more in it than ours.
 */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let parent = dirname(folder); ; parent = dirname(parent)) {
    await syncFolder(parent);
    if (parent === dirname(first)) return;
  }
}

/** Syncs of one folder: those that are wanted while one is under way share the next. */
export class FolderSyncs {
  #underWay: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(private readonly folder: string) {}

  /** Makes the names durable that the folder has now. @throws Error of the file system */
  sync(): Promise<void> {
    this.#next ??= this.#after(this.#underWay);
    return this.#next;
  }

  /** The folder is opened while the sync before is under way. */
  async #after(before: Promise<void>): Promise<void> {
    const [opened] = await Promise.allSettled([openFolder(this.folder, 'r'), before]);
    this.#next = undefined;
    if (opened.status === 'rejected') throw opened.reason;
    this.#underWay = syncDescriptor(opened.value);
    void this.#underWay.catch(() => undefined).then(() => close(opened.value, () => undefined));
    return this.#underWay;
  }
}
