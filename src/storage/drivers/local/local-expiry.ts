import { opendir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errorCode } from '../../../errors/error-code.js';
import { expiryOf } from '../../expiry.js';
import type { ExpiryOutcome, StoredFile } from '../../storage-element.js';
import { idOf, idOfRecord, type LocalPlaces } from './local-places.js';
import { contentSize, readRecord, versionAt } from './local-record.js';
import { removeVersion } from './local-removal.js';
import type { LocalShards } from './local-shards.js';

/**
 * Looks through all files, one after the other, so that memory does not grow with their number, and removes those
 * whose time is over. @throws Error where `files` cannot be read
 */
export async function* removeExpired(
  places: LocalPlaces,
  shards: LocalShards,
  nowMs: () => number,
  signal: AbortSignal,
): AsyncGenerator<ExpiryOutcome> {
  for await (const shard of await opendir(places.files)) {
    if (!shard.isDirectory()) continue;
    for await (const id of idsIn(join(places.files, shard.name))) {
      if (signal.aborted) return;
      const outcome = typeof id === 'string' ? await expire(places, shards, id, nowMs) : id;
      if (outcome) yield outcome;
    }
  }
}

/** The ids of the files in `shard`; where it cannot be read, why. */
async function* idsIn(shard: string): AsyncGenerator<string | ExpiryOutcome> {
  try {
    for await (const entry of await opendir(shard)) {
      const id = entry.isFile() ? idOfRecord(entry.name, basename(shard)) : undefined;
      if (id !== undefined) yield id;
    }
  } catch (error) {
    yield { kind: 'failed', name: basename(shard), error };
  }
}

/** Undefined where there is nothing to be told: the file stays, or went meanwhile. */
async function expire(
  places: LocalPlaces,
  shards: LocalShards,
  id: string,
  nowMs: () => number,
): Promise<ExpiryOutcome | undefined> {
  try {
    const { version, file } = await readRecord(places.record(id), id);
    return isOver(file, nowMs()) ? await expireVersion(places, shards, version) : undefined;
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? undefined : { kind: 'unreadable', name: id, error };
  }
}

async function expireVersion(
  places: LocalPlaces,
  shards: LocalShards,
  version: string,
): Promise<ExpiryOutcome | undefined> {
  const name = idOf(version);
  let bytes: number;
  try {
    bytes = await contentSize(places, version);
  } catch (error) {
    const isThere = (await versionAt(places.record(name), name)) === version;
    return isThere ? { kind: 'unreadable', name, error } : undefined;
  }
  try {
    return (await removeVersion(places, shards, version)) ? { kind: 'removed', bytes } : undefined;
  } catch (error) {
    return { kind: 'failed', name, error };
  }
}

function isOver({ uploadedAt, remembered }: Omit<StoredFile, 'size'>, nowMs: number): boolean {
  if (!uploadedAt || remembered?.retentionPolicy !== 'temporary') return false;
  const expiry = expiryOf({ uploadedAt, ttlDays: remembered.ttlDays });
  return expiry !== undefined && expiry.getTime() <= nowMs;
}
