import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Paths below `dir`, sorted; none where it does not exist. */
async function paths(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true }).catch(() => []);
  const files = await Promise.all(
    entries.map(async (entry) => ((await stat(join(dir, entry))).isFile() ? [join(dir, entry)] : [])),
  );
  return files.flat().toSorted();
}

/** Everything that the default local storage elements hold, finished or not. */
export function storedPaths(dataDir: string): Promise<string[]> {
  return paths(join(dataDir, 'storage'));
}

/** The content of the only file that the default local storage elements hold. */
export async function onlyStoredContent(dataDir: string): Promise<Buffer> {
  const contents = (await storedPaths(dataDir)).filter((path) => path.endsWith('.content'));
  const [path] = contents;
  if (path === undefined || contents.length > 1)
    throw new Error(`${contents.length} files are stored, not 1`);
  return readFile(path);
}
