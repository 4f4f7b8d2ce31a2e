import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { serverVariables } from './server.variables.js';
import { defaultElements, localPaths } from './storage-elements.variable.js';

interface Folder {
  readonly owner: string;
  /** Absolute, without links. */
  readonly path: string;
}

/**
 * Names each local element whose folder is that of another, inside it or around it: two elements in one folder are one,
 * and files of one would be those of the other. The folders that the service needs for itself count as well.
 */
export function sharedFolderProblems(given: Record<string, string | undefined>): string[] {
  const dataDir = serverVariables.DATA_DIR.parse(given.DATA_DIR);
  const taken = ownFolders(dataDir, given.SPOOL_DIR?.trim());
  const problems: string[] = [];
  const paths = given.STORAGE_ELEMENTS ? localPaths(given.STORAGE_ELEMENTS) : defaultPaths(dataDir);
  for (const [index, path] of paths) {
    const element = { owner: `STORAGE_ELEMENTS[${index}]`, path: realPath(resolve(path)) };
    const problem = taken.flatMap((other) => overlap(element.path, other) ?? [])[0];
    if (problem) problems.push(`${element.owner}.path: ${problem}`);
    taken.push(element);
  }
  return problems;
}

function defaultPaths(dataDir: string): [index: number, path: string][] {
  return defaultElements(dataDir).flatMap((element, index) =>
    element.driver === 'local' ? [[index, element.path]] : [],
  );
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
