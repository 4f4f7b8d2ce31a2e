import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A process that lives touches its files far more often than this. */
const LEFT_OVER_AGE_MS = 3_600_000;

/** Only files of these names are ever removed: the folder may hold more than ours. */
const SPOOL_FILE_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.spool$/;

/**
 * Removes the spool files in `folder` that nobody has touched for an hour: their process is gone. Other
 * processes may share the folder; theirs are younger. Gives how many were removed.
 */
export async function removeSpoolLeftOvers(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => SPOOL_FILE_NAME.test(name));
  const removed = await Promise.all(names.map((name) => removeIfLeft(join(folder, name))));
  return removed.filter(Boolean).length;
}

/** What vanishes meanwhile was removed by another process that sweeps, or by its owner. */
async function removeIfLeft(path: string): Promise<boolean> {
  const status = await lstat(path).catch(() => undefined);
  if (!status?.isFile() || Date.now() - status.mtimeMs < LEFT_OVER_AGE_MS) return false;
  await rm(path, { force: true });
  return true;
}
