import { chmod, lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from './environment.js';
import { codeOf } from './required-folders.js';

/** The embedded database of an earlier version, which may be there still. */
const FORMER_DATABASE = ['database', 'database.lock', 'database.new'];
/** The embedded database, and what SQLite keeps beside it while it is open, or leaves there when it is killed. */
const DATABASE = ['database.sqlite', 'database.sqlite-journal', 'database.sqlite-wal'];

/** What the service itself keeps in a folder; whatever else is there belongs to somebody else. */
const OWN_ENTRIES = {
  DATA_DIR: [...DATABASE, ...FORMER_DATABASE, 'forced-circuits.json', 'keys', 'spool', 'storage'],
  SPOOL_DIR: ['accepted', 'database-id', 'intents'],
} as const;

/** Made by the file system of a volume. */
const OF_NOBODY = 'lost+found';

/** Group and all others. */
const OTHERS = 0o077;
/** Such a folder, as /tmp, is one of all users: closed, it would be missed. */
const STICKY = 0o1000;

/**
 * Takes from other users what an earlier version, or who made the folders, had left open to them: 0700 for `DATA_DIR`,
 * `SPOOL_DIR` and the service's own folders in them, 0600 for its files. What is made from now on is private by the
 * umask. Gives a warning for each variable where that is not possible, as in a volume that belongs to root: what the
 * service writes there is private all the same, so that it goes on.
 */
export async function closeToOthers({ DATA_DIR, SPOOL_DIR }: Environment): Promise<readonly string[]> {
  const warnings = [await closeFolder('DATA_DIR', DATA_DIR)];
  if (SPOOL_DIR !== undefined) warnings.push(await closeFolder('SPOOL_DIR', SPOOL_DIR));
  return warnings.flat();
}

async function closeFolder(name: keyof typeof OWN_ENTRIES, folder: string): Promise<readonly string[]> {
  const open: string[] = [];
  for (const path of OWN_ENTRIES[name].map((entry) => join(folder, entry))) {
    await closeTree(path).catch((error: unknown) => open.push(`${path} (${reasonOf(error)})`));
  }
  const { mode } = await stat(folder);
  if ((mode & OTHERS) === 0) return warningOf(name, open);
  if ((mode & STICKY) !== 0) open.push(`${folder} (it is one of all users)`);
  else if (name === 'DATA_DIR' && (await isShared(folder))) open.push(`${folder} (others keep files there)`);
  else await chmod(folder, 0o700).catch((error: unknown) => open.push(`${folder} (${reasonOf(error)})`));
  return warningOf(name, open);
}

function warningOf(name: string, open: readonly string[]): readonly string[] {
  return open.length === 0 ? [] : [`${name}: other users may look into ${open.join(', ')}`];
}

/** Does anything else live there, as in /srv? Closed, it would be missed. */
async function isShared(folder: string): Promise<boolean> {
  const own = new Set<string>([...OWN_ENTRIES.DATA_DIR, OF_NOBODY]);
  return (await readdir(folder)).some((entry) => !own.has(entry));
}

/** A folder comes last, so that one that is closed has been closed with everything in it, and is not walked again. */
async function closeTree(path: string): Promise<void> {
  try {
    const entry = await lstat(path);
    if ((entry.mode & OTHERS) === 0 || entry.isSymbolicLink()) return;
    if (entry.isDirectory()) for (const name of await readdir(path)) await closeTree(join(path, name));
    await chmod(path, entry.isDirectory() ? 0o700 : 0o600);
  } catch (error) {
    // Nothing is there, or another process has just removed it.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function reasonOf(error: unknown): string {
  return codeOf(error) ?? String(error);
}
