import { Logger } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import type {
  ContentDigest,
  FileBody,
  FileDescription,
  StorageElement,
  StoredFile,
  UploadCheckpoint,
} from './storage-element.js';

const logger = new Logger('VerifiedStoring');

interface PutAttempt {
  readonly body: FileBody;
  readonly signal: AbortSignal;
  readonly checkpoint?: UploadCheckpoint | undefined;
}

/**
 * Stores a file and compares what the element acknowledges with what went through; where they differ the stored
 * file is removed, as far as the element lets us.
 * @throws STORAGE_FAILED when they differ, or whatever `element.put` throws
 */
export async function storeVerified(
  element: StorageElement,
  file: FileDescription,
  { body, signal, checkpoint }: PutAttempt,
): Promise<StoredFile> {
  const stored = await element.put(file, body, signal, checkpoint);
  const difference = differenceOf(stored, body.digest());
  if (difference === undefined) return stored;
  logger.error(`Storage element ${element.id} stored file ${stored.fileId} wrongly: ${difference}`);
  await element.remove(stored.fileId).catch((error: unknown) => {
    logger.error(`The wrong file ${stored.fileId} was not removed from ${element.id}: ${String(error)}`);
  });
  throw new ServiceError('STORAGE_FAILED', 'The storage element did not store the file as it was sent.', {
    cause: new Error(difference),
  });
}

/** Is it certain that an element has the bytes that went through? Without a checksum of its own it is not. */
export function isSameFile(stored: StoredFile, sent: ContentDigest): boolean {
  return stored.sha256 !== undefined && differenceOf(stored, sent) === undefined;
}

function differenceOf(stored: StoredFile, sent: ContentDigest): string | undefined {
  if (stored.size !== sent.size) return `size ${stored.size} instead of ${sent.size}`;
  if (stored.sha256 !== undefined && stored.sha256 !== sent.sha256) {
    return `checksum ${stored.sha256} instead of ${sent.sha256}`;
  }
  return undefined;
}
