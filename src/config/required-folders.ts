import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isNativeError } from 'node:util/types';
import { ConfigurationError, type Environment } from './environment.js';

/**
 * Makes the folders that everything which is kept goes to, where they are missing.
 * @throws ConfigurationError that names each variable whose folder cannot be written to
 */
export async function requireFolders({ DATA_DIR, SPOOL_DIR = DATA_DIR }: Environment): Promise<void> {
  const problems = [await folderProblem('DATA_DIR', DATA_DIR)];
  if (SPOOL_DIR !== DATA_DIR) problems.push(await folderProblem('SPOOL_DIR', SPOOL_DIR));
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length > 0) throw new ConfigurationError(found);
}

async function folderProblem(name: string, folder: string): Promise<string | undefined> {
  try {
    await makeFolder(resolve(folder));
    // With a dot behind it a file is refused, whatever its mode.
    await access(`${folder}/.`, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `${name}: ${folder} is no folder that can be written to (${codeOf(error) ?? String(error)})`;
  }
}

/** Not Node's own `recursive`, which tries for ever where the system makes no folders, as under /proc. */
async function makeFolder(folder: string, isParentThere = false): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || isParentThere) throw error;
    await makeFolder(dirname(folder));
    await makeFolder(folder, true);
  }
}

/** The code that the system gives an error. */
export function codeOf(error: unknown): string | undefined {
  return isNativeError(error) && 'code' in error ? String(error.code) : undefined;
}
