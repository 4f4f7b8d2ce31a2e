import { finished } from 'node:stream/promises';
import { ServiceError } from '../../errors/service-error.js';
import type { FileToPlace } from '../file-to-place.js';
import type { StoredFile } from '../../storage/storage-element.js';

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
