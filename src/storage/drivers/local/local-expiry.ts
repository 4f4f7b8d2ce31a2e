import { opendir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../../../errors/error-code.js';
import { syncFolder } from '../../../body/durable-folder.js';
import { expiryOf } from '../../expiry.js';
import type { StoredFile } from '../../storage-element.js';
import { exists, readRecord } from './local-files.js';
import { isFileId, type LocalPlaces, makeAside, shardOf } from './local-places.js';

/** What became of a file whose time is over, or of one that does not say when that is. */
export type ExpiryOutcome =
  | { readonly kind: 'removed'; readonly bytes: number }
  /**
   * `failed`: the time of the file is over, and it could not be removed; or a folder of many files could not be read.
   * `unreadable`: its record cannot be read. Such a file stays. `name` is that of the folder.
   */
  | { readonly kind: 'failed' | 'unreadable'; readonly name: string; readonly error: unknown };

/**
 * Looks through all files, one after the other, so that memory does not grow with their number, and removes those
 * whose time is over. @throws Error where `files` cannot be read
 */
export async function* removeExpired(
  places: LocalPlaces,
  nowMs: () => number,
  signal: AbortSignal,
): AsyncGenerator<ExpiryOutcome> {
  for await (const shard of await opendir(places.files)) {
    if (!shard.isDirectory()) continue;
    for await (const folder of foldersOf(join(places.files, shard.name))) {
      if (signal.aborted) return;
      const outcome = typeof folder === 'string' ? await expire(folder, places.incoming, nowMs) : folder;
      if (outcome) yield outcome;
    }
  }
}

/** The folders of files in `shard`; where it cannot be read, why. */
async function* foldersOf(shard: string): AsyncGenerator<string | ExpiryOutcome> {
  try {
    for await (const entry of await opendir(shard)) {
      const isFile = entry.isDirectory() && isFileId(entry.name) && shardOf(entry.name) === basename(shard);
      if (isFile) yield join(shard, entry.name);
    }
  } catch (error) {
    yield { kind: 'failed', name: basename(shard), error };
  }
}

/** Undefined where there is nothing to be told: the file stays, or went meanwhile. */
async function expire(
  folder: string,
  incoming: string,
  nowMs: () => number,
): Promise<ExpiryOutcome | undefined> {
  const name = basename(folder);
  try {
    if (!isOver(await readRecord(folder), nowMs())) return undefined;
  } catch (error) {
    return (await exists(folder)) ? { kind: 'unreadable', name, error } : undefined;
  }
  try {
    const bytes = await removeIfOver(folder, incoming, nowMs);
    return bytes === undefined ? undefined : { kind: 'removed', bytes };
  } catch (error) {
    const isGone = errorCode(error) === 'ENOENT' && !(await exists(folder));
    return isGone ? undefined : { kind: 'failed', name, error };
  }
}

/** The name goes first and at once, so that a kill leaves no half of a file under it. Gives the size of what is gone. */
async function removeIfOver(
  folder: string,
  incoming: string,
  nowMs: () => number,
): Promise<number | undefined> {
  const aside = await makeAside(incoming, folder);
  let taken: StoredFile | undefined;
  try {
    taken = await takeIfOver(folder, aside, nowMs);
  } finally {
    // It is empty, or holds a file that could not be put back: then this fails, and the file is still there.
    if (!taken) await rmdir(aside).catch(() => undefined);
  }
  if (!taken) return undefined;
  try {
    await syncFolder(dirname(folder));
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return taken.size;
}

/**
 * Moves the file onto `aside`, if its time is over. Another process may remove it and store a new one of its id between
 * the look and the move: so what was moved is looked at again, and put back where its time is not over.
 */
async function takeIfOver(
  folder: string,
  aside: string,
  nowMs: () => number,
): Promise<StoredFile | undefined> {
  const known = await readRecord(folder);
  if (!isOver(known, nowMs())) return undefined;
  await rename(folder, aside);
  // What is gone from there another process has removed as left over: it was not written to for an hour.
  const taken = await readRecord(aside).catch((error) => (errorCode(error) === 'ENOENT' ? known : undefined));
  if (taken && isOver(taken, nowMs())) return taken;
  await rename(aside, folder);
  await syncFolder(dirname(folder));
  return undefined;
}

function isOver({ uploadedAt, remembered }: StoredFile, nowMs: number): boolean {
  if (!uploadedAt || remembered?.retentionPolicy !== 'temporary') return false;
  const expiry = expiryOf({ uploadedAt, ttlDays: remembered.ttlDays });
  return expiry !== undefined && expiry.getTime() <= nowMs;
}
