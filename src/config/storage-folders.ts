import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { serverVariables } from './server.variables.js';
import type { DriverSettings } from './element-settings.js';
import { defaultElements, settingsNamed } from './storage-elements.variable.js';

interface Folder {
  readonly owner: string;
  /** Absolute, without links. */
  readonly path: string;
}

/**
 * Names each element whose folder is that of another, inside it or around it: two elements in one folder are one,
 * and files of one would be those of the other. The folders that the service needs for itself count as well.
 */
export function sharedFolderProblems(
  given: Record<string, string | undefined>,
  drivers: readonly DriverSettings[],
): string[] {
  const dataDir = serverVariables.DATA_DIR.parse(given.DATA_DIR);
  const taken = ownFolders(dataDir, given.SPOOL_DIR?.trim());
  const elements = given.STORAGE_ELEMENTS ?? defaultElements(dataDir);
  return settingsNamed('folderSetting', elements, drivers).flatMap(({ name, value }) => {
    const path = realPath(resolve(value));
    const problem = taken.flatMap((other) => overlap(path, other) ?? [])[0];
    taken.push({ owner: name.slice(0, name.indexOf('.')), path });
    return problem === undefined ? [] : [`${name}: ${problem}`];
  });
}

function ownFolders(dataDir: string, spoolDir: string | undefined): Folder[] {
  const folders = [
    ['spool', spoolDir || join(dataDir, 'spool')],
    ['database', join(dataDir, 'database')],
    ['keys', join(dataDir, 'keys')],
  ] as const;
  return folders.map(([name, path]) => ({ owner: `the ${name}`, path: realPath(resolve(path)) }));
}

function overlap(path: string, other: Folder): string | undefined {
  if (path === other.path) return `must not be the folder of ${other.owner}`;
  if (isInside(path, other.path)) return `must not be inside the folder of ${other.owner}`;
  if (isInside(other.path, path)) return `must not hold the folder of ${other.owner}`;
  return undefined;
}

function isInside(inner: string, outer: string): boolean {
  return inner.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`);
}

/** Follows links as far as the path exists; the rest of it is to be made. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return join(realPath(dirname(path)), basename(path));
  }
}
