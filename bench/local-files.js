import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Variables of our service that have it store in `folder` alone. */
export function localElements(folder) {
  const element = (mode) => ({ id: mode, driver: 'local', path: join(folder, 'files', mode), mode });
  return {
    DATA_DIR: join(folder, 'data'),
    STORAGE_ELEMENTS: JSON.stringify([element('edit'), element('rw')]),
  };
}

/** Only files of the size that was sent: what else is there is a server's own, and so are the folders. */
export async function removeFiles(folder, size) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((found) => found.isFile())) {
    const path = join(entry.parentPath, entry.name);
    // A server removes what it needs no more while this looks.
    const status = await stat(path).catch(() => undefined);
    if (status?.size === size) await rm(path, { force: true });
  }
}
