import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './durable-folder.js';

/** Makes the bytes of a file durable, whoever has written them. @throws Error of the file system */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.datasync().finally(() => file.close());
}

/**
 * Puts `text` in the place of a private file, durably: it is written aside, so that a crash leaves the old file or the
 * new one, never a part of one. @throws Error of the file system
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  const aside = `${path}.new`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = await open(aside, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
  await syncFolder(folder);
}
