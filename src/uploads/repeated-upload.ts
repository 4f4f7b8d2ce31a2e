import { finished } from 'node:stream/promises';
import type { Caller } from '../auth/caller.js';
import { ServiceError } from '../errors/service-error.js';
import type { ReplayableBody } from '../storage/replayable-body.js';
import type { StoredFile } from '../storage/storage-element.js';

/**
 * Reads an upload whose id is taken to its end, and holds it against what is stored under that id.
 * @throws CONFLICT when the bytes or the owner differ, or when the element cannot say what it has; or what
 * the body fails with.
 */
export async function compareWithStored(
  body: ReplayableBody,
  stored: StoredFile,
  caller: Caller,
  signal: AbortSignal,
): Promise<void> {
  await finished(body.open(signal).resume());
  const { size, sha256 } = body.digest();
  const sameOwner = stored.uploadedBy === undefined || stored.uploadedBy === caller.subject;
  if (sameOwner && stored.size === size && stored.sha256 === sha256) return;
  throw new ServiceError('CONFLICT', 'A file with this id is stored already, and it is not this one.');
}
