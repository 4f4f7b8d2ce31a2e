import { lstat, link, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { syncFolder } from '../../../body/durable-folder.js';
import { errorCode } from '../../../errors/error-code.js';
import { idOf, type LocalPlaces, versionOfAside } from './local-places.js';
import { versionAt } from './local-record.js';

/** Nothing that is still being written is this old: an upload is given up long before, when no byte comes. */
const LEFT_OVER_AGE_MS = 3_600_000;

const logger = new Logger('LocalLeftOvers');

/**
 * Removes what `incoming` names and nobody has changed for an hour: its process is gone. What cannot be removed takes
 * room, and nothing else: it is logged, and stays.
 */
export async function removeLeftOvers(places: LocalPlaces, nowMs = Date.now()): Promise<void> {
  // One after the other: of two names of one record, the second must see that the first is gone.
  for (const name of await readdir(places.incoming)) {
    if (nowMs - (await lastChangedMs(places, name)) < LEFT_OVER_AGE_MS) continue;
    await removeLeftOver(places, name).catch((error: unknown) => {
      logger.warn({ err: error, name }, 'a left-over of an upload cannot be removed');
    });
  }
}

/**
 * Removes `name` from `incoming`, and the content behind it where that belongs to no stored file. Harmless where there is no
 * such name, and where others do the same. @throws Error of the file system
 */
export async function removeLeftOver(places: LocalPlaces, name: string): Promise<void> {
  const path = join(places.incoming, name);
  const version = versionOfAside(name);
  if (version === undefined) return rm(path, { recursive: true, force: true });
  const aside = places.aside(version);
  try {
    // From here on whoever still writes the file cannot give it its record any more.
    await rename(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  if (!(await isStored(places, aside, version)) && !(await putBackOther(places, aside, version))) {
    await rm(places.content(version), { force: true });
  }
  await unlink(aside);
}

/** Has the record another name? Some file systems do not count the names of a file: there, its final name is looked at. */
async function isStored(places: LocalPlaces, aside: string, version: string): Promise<boolean> {
  const { nlink } = await lstat(aside);
  const id = idOf(version);
  return nlink > 1 || (await versionAt(places.record(id), id)) === version;
}

/** Gives a file its record back that a removal has taken for the version it meant, and was killed before it noticed. */
async function putBackOther(places: LocalPlaces, aside: string, meant: string): Promise<boolean> {
  const id = idOf(meant);
  const version = await versionAt(aside, id);
  if (version === undefined || version === meant) return false;
  try {
    await link(aside, places.record(id));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    // A third has taken its place.
    await rm(places.content(version), { force: true });
  }
  await syncFolder(places.shard(id));
  return true;
}

/** When the record or the content was changed or renamed last; `Infinity` for what is being removed meanwhile. */
async function lastChangedMs(places: LocalPlaces, name: string): Promise<number> {
  const version = versionOfAside(name);
  const [record, content] = await Promise.all([
    changedMs(join(places.incoming, name)),
    version === undefined ? undefined : changedMs(places.content(version)),
  ]);
  return record === undefined ? Infinity : Math.max(record, content ?? 0);
}

/** Not when it was written last: nobody but the kernel sets this one, also when a file gets another name. */
async function changedMs(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ ctimeMs }) => ctimeMs,
    () => undefined,
  );
}
