import { access, link, rename, rm, unlink } from 'node:fs/promises';
import { errorCode } from '../../../errors/error-code.js';
import { idOf, type LocalPlaces } from './local-places.js';
import { versionAt } from './local-record.js';
import type { LocalShards } from './local-shards.js';

/**
 * Removes the file of `version`, and no other one of its id: gives whether it was there. The record goes first and at once, so
 * that a kill leaves no half of a file, and what is left is removed as any left-over is. @throws Error of the file system
 */
export async function removeVersion(
  places: LocalPlaces,
  shards: LocalShards,
  version: string,
): Promise<boolean> {
  const id = idOf(version);
  const [record, aside] = [places.record(id), places.aside(version)];
  try {
    await rename(record, aside);
  } catch (error) {
    // The record is gone, where it is not the folder that is missing; a newer one may be there again.
    if (errorCode(error) === 'ENOENT' && (await exists(places.incoming))) return false;
    throw error;
  }
  // Another process may have removed it before, and stored a new one.
  const isMeant = (await versionAt(aside, id)) === version;
  if (!isMeant) await link(aside, record);
  // A record that a power cut brings back must find its content.
  await shards.sync(places.shard(id));
  if (isMeant) await rm(places.content(version), { force: true });
  await unlink(aside);
  return isMeant;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
