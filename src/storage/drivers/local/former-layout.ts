import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, type Environment } from '../../../config/environment.js';
import { isFileId, LocalPlaces } from './local-places.js';

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

/** @throws ConfigurationError where the folder of a local element has files that this version cannot read */
export async function requireNoFormerFiles({ STORAGE_ELEMENTS }: Environment): Promise<void> {
  const problems: string[] = [];
  for (const element of STORAGE_ELEMENTS) {
    if (element.driver !== 'local') continue;
    // A folder that cannot be read, or is not there yet, is told of by the health of its element.
    if (!(await isFormerLayout(new LocalPlaces(element.path)).catch(() => false))) continue;
    problems.push(
      `STORAGE_ELEMENTS: ${element.path} has files of an earlier version, which this one cannot read; upload them anew to an empty folder`,
    );
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
}
