import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;
const PATIENCE_MS = 120_000;

/**
 * What is dear to make and can be shared: the first spec file of a run that needs it has `make` fill a folder, the
 * others wait for it. Gives the path of that folder, which nobody changes from then on.
 */
export async function onceARun(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const made = join(runFolder(), name);
  if (await isFirst(`${made}.first`)) {
    await mkdir(`${made}.new`);
    await make(`${made}.new`);
    await rename(`${made}.new`, made);
  }
  const deadline = Date.now() + PATIENCE_MS;
  while (!existsSync(made)) {
    if (Date.now() > deadline) throw new Error(`nobody has made "${name}" of this run`);
    await sleep(POLL_MS);
  }
  return made;
}

/** Of all who ask with one path, one is. */
async function isFirst(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

function runFolder(): string {
  const folder = process.env.TEST_RUN_DIR;
  if (folder === undefined)
    throw new Error('TEST_RUN_DIR is set by test/support/global-setup.ts, for test/ alone');
  return folder;
}
