import { randomUUID } from 'node:crypto';
import { link, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, isTaken } from '../../resilience/spool-failure.js';
import { fileName } from './accepted-index.js';

/** An accepted file that was taken from its place, to be removed: nobody finds it under the id of its upload. */
export interface AsideFile {
  readonly uploadId: string;
  readonly path: string;
}

const ASIDE_FILE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.upload\.[0-9a-f-]{36}$/;

export function isAsideName(name: string): boolean {
  return ASIDE_FILE.test(name);
}

/** Takes what has the name of an upload away from there; undefined where nothing has it. @throws Error of the file system */
export async function takeAside(folder: string, uploadId: string): Promise<AsideFile | undefined> {
  const place = join(folder, fileName(uploadId));
  const path = `${place}.${randomUUID()}`;
  try {
    await rename(place, path);
    return { uploadId, path };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Gives a file its name again. Where another one has that by now, it stays aside, until its upload is promised no more
 * or the name is free. @throws Error of the file system
 */
export async function putBack(folder: string, { uploadId, path }: AsideFile): Promise<void> {
  try {
    await link(path, join(folder, fileName(uploadId)));
  } catch (error) {
    // Missing: another process that sweeps has seen to it.
    if (isTaken(error) || isMissing(error)) return;
    throw error;
  }
  await rm(path, { force: true });
}

/** What lies aside in the folder: removals under way, and those of killed processes. @throws Error of the file system */
export async function asideIn(folder: string): Promise<AsideFile[]> {
  const names = await readdir(folder);
  return names.flatMap((name) => {
    const uploadId = ASIDE_FILE.exec(name)?.[1];
    return uploadId === undefined ? [] : [{ uploadId, path: join(folder, name) }];
  });
}
