import { readdir } from 'node:fs/promises';
import { validate as isUuid } from 'uuid';
import { isMissing } from '../../body/spool-failure.js';

/** The ids of all uploads in a folder. @throws Error of the file system */
export async function uploadIdsIn(root: string): Promise<string[]> {
  const names = await readdir(root).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return names.filter((name) => isUuid(name));
}
