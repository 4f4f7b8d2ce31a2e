import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';

/** Nothing that is still being written is this old: an upload is given up long before, when no byte comes. */
const LEFT_OVER_AGE_MS = 3_600_000;

const logger = new Logger('LocalLeftOvers');

/**
 * Removes the folders in `incoming` that nobody has written to for an hour: their process is gone. One that cannot be
 * removed takes room, and nothing else: it is told of, and stays.
 */
export async function removeLeftOvers(incoming: string): Promise<void> {
  const names = await readdir(incoming);
  await Promise.all(names.map((name) => removeIfLeft(join(incoming, name))));
}

async function removeIfLeft(folder: string): Promise<void> {
  if (Date.now() - (await lastWrittenMs(folder)) < LEFT_OVER_AGE_MS) return;
  await rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
    logger.warn({ err: error, folder }, 'what an upload left behind cannot be removed');
  });
}

/** When the folder or its content was written to last; now for what is being removed or renamed meanwhile. */
async function lastWrittenMs(folder: string): Promise<number> {
  const times = await Promise.all([folder, join(folder, 'content')].map(writtenMs));
  return times[0] === undefined ? Date.now() : Math.max(times[0], times[1] ?? 0);
}

async function writtenMs(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}
