import { link } from 'node:fs';
import { promisify } from 'node:util';

const linkFile = promisify(link);

/**
 * Gives the file `path` the name `name` as well, which nothing has: a hard link. False where that could not be done, as on
 * another file system, on one without hard links, or where a folder is missing. Never fails.
 */
export async function giveSecondName(path: string, name: string): Promise<boolean> {
  return linkFile(path, name).then(
    () => true,
    () => false,
  );
}
