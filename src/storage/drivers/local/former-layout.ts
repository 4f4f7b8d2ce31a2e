import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isFileId, type LocalPlaces } from './local-places.js';

/**
 * An earlier version made a folder of each file. All files of an element are of one version, so the first one is looked at.
 * @throws Error where `files` cannot be read
 */
export async function isFormerLayout({ files }: LocalPlaces): Promise<boolean> {
  for await (const shard of await opendir(files)) {
    if (!shard.isDirectory()) continue;
    for await (const entry of await opendir(join(files, shard.name))) {
      return entry.isDirectory() && isFileId(entry.name);
    }
  }
  return false;
}
