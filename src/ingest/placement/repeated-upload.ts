import { finished } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import { ServiceError } from '../../errors/service-error.js';
import type { FileToPlace } from '../file-to-place.js';
import type { FileDescription, StoredFile } from '../../storage/storage-element.js';

/** What is known of the file that has the id already. */
type KnownFile = Pick<StoredFile, 'size' | 'sha256' | 'uploadedBy'>;

/**
 * Reads an upload whose id is taken to its end, and holds it against what is stored or promised under that id.
 * @throws CONFLICT when the bytes or the owner differ, or when the element cannot say what it has; or what
 * the body fails with.
 */
export async function compareWithKnown(
  { body, caller, signal }: Pick<FileToPlace, 'body' | 'caller' | 'signal'>,
  known: KnownFile,
): Promise<void> {
  await finished(body.open(signal).resume());
  const { size, sha256 } = body.digest();
  const sameOwner = known.uploadedBy === undefined || known.uploadedBy === caller.subject;
  if (sameOwner && known.size === size && known.sha256 === sha256) return;
  throw new ServiceError('CONFLICT', 'There is a file with this id already, and it is not this one.');
}

/**
 * Holds what is said of an upload against what was said of it first, where a key says that both are one request.
 * @throws CONFLICT when they differ
 */
export function compareFields(
  { isKeyed, description }: Pick<FileToPlace, 'isKeyed' | 'description'>,
  first: FileDescription,
): void {
  if (!isKeyed || isDeepStrictEqual(saidOf(description), saidOf(first))) return;
  throw new ServiceError(
    'CONFLICT',
    'There is a file with this id already, and other things were said of it.',
  );
}

/** What an upload fails with whose id was made of a key. */
export function keyReused(error: unknown): unknown {
  if (!(error instanceof ServiceError) || error.code !== 'CONFLICT') return error;
  const detail =
    'This Idempotency-Key was used before, for another file or with other fields. Take a new one.';
  return new ServiceError('IDEMPOTENCY_KEY_REUSED', detail, { cause: error });
}

/** All that the client says, and nothing that is ours. */
function saidOf(file: FileDescription): object {
  const { originalFilename, contentType, description, tags, metadata, retentionPolicy, ttlDays } = file;
  return { originalFilename, contentType, description, tags, metadata, retentionPolicy, ttlDays };
}
