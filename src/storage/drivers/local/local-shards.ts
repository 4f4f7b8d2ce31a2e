import { mkdir } from 'node:fs/promises';
import { FolderSyncs } from '../../../body/durable-folder.js';
import { errorCode } from '../../../errors/error-code.js';

interface Shard {
  readonly syncs: FolderSyncs;
  /** Done once the folder is there, durably; undefined where that is not known. */
  made?: Promise<void>;
}

/** The folders in `files`: each is made when it is needed first, and one sync of it serves all who wait for one. */
export class LocalShards {
  readonly #shards = new Map<string, Shard>();
  readonly #files: FolderSyncs;

  constructor(files: string) {
    this.#files = new FolderSyncs(files);
  }

  /** Calls `create`, which makes a file in `folder`; makes the folder where it is missing. @throws what `create` throws */
  async createIn<T>(folder: string, create: () => Promise<T>): Promise<T> {
    await this.#make(folder);
    try {
      return await create();
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
    // Somebody has removed it.
    this.#at(folder).made = undefined;
    await this.#make(folder);
    return create();
  }

  /** Makes the names in `folder` durable. @throws Error of the file system */
  sync(folder: string): Promise<void> {
    return this.#at(folder).syncs.sync();
  }

  #at(folder: string): Shard {
    let shard = this.#shards.get(folder);
    if (!shard) {
      shard = { syncs: new FolderSyncs(folder) };
      this.#shards.set(folder, shard);
    }
    return shard;
  }

  #make(folder: string): Promise<void> {
    const shard = this.#at(folder);
    shard.made ??= this.#makeDurable(folder).catch((error: unknown) => {
      shard.made = undefined;
      throw error;
    });
    return shard.made;
  }

  /** Also a folder that is there may have been made by another process a moment ago, which has not synced it yet. */
  async #makeDurable(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await this.#files.sync();
  }
}
