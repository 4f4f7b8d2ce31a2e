import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorCode } from '../errors/error-code.js';
import { makeFolder, syncFolder } from '../body/durable-folder.js';
import { isMissing, notKept, spoolUnusable } from '../body/spool-failure.js';

const FILE = 'spool-id';
const id = z.uuid();

/**
 * The id of a spool folder, which stays with it for ever; it is made with the first that asks. Several processes may ask at
 * once. @throws QUEUE_UNAVAILABLE where the file says no id, or the disk is read-only; SPOOL_FULL; INTERNAL_ERROR
 */
export async function spoolIdOf(folder: string): Promise<string> {
  const path = join(folder, FILE);
  const found = (await readId(path)) ?? (await makeId(folder, path));
  const { data } = id.safeParse(found);
  if (data === undefined) throw spoolUnusable('the spool has no id', new Error(`${path} has no id`));
  return data;
}

function readId(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    (error: unknown) => {
      if (isMissing(error)) return undefined;
      throw notKept(error);
    },
  );
}

/** Whole and durable before it has its name; where another process comes first, that one's counts. */
async function makeId(folder: string, path: string): Promise<string | undefined> {
  // A name as of a body in flight: what a killed process leaves is removed as those are.
  const aside = join(folder, `${randomUUID()}.spool`);
  try {
    await makeFolder(folder);
    await writeFile(aside, `${randomUUID()}\n`, { flag: 'wx', mode: 0o600, flush: true });
    await link(aside, path).catch((error: unknown) => {
      if (errorCode(error) !== 'EEXIST') throw error;
    });
    await syncFolder(folder);
  } catch (error) {
    throw notKept(error);
  } finally {
    await rm(aside, { force: true }).catch(() => undefined);
  }
  return readId(path);
}
