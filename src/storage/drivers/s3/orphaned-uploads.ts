import { abortUntilGone } from './abandoned-uploads.js';
import { markOf } from './object-headers.js';
import type { S3Bucket } from './s3-bucket.js';
import type { BegunMultipart, ListedMultipart } from './s3-multiparts.js';

/** What became of an upload that nobody will finish. */
export type OrphanOutcome =
  | { readonly kind: 'removed'; readonly fileId: string }
  | { readonly kind: 'failed'; readonly fileId: string; readonly error: unknown };

/**
 * Aborts the uploads under our prefix that were begun before `begunBeforeMs`, by the clock of the store in milliseconds since
 * 1970, one by one, and removes their companions; tells what became of each. Several processes may do so at once.
 * @throws STORAGE_FAILED, STORAGE_TIMEOUT where they cannot be listed
 */
export async function* removeOrphans(
  bucket: S3Bucket,
  begunBeforeMs: number,
  signal: AbortSignal,
): AsyncGenerator<OrphanOutcome> {
  const { multiparts, keys } = bucket;
  for await (const upload of multiparts.begun(keys.start, signal)) {
    if (signal.aborted) return;
    const fileId = keys.idAt(upload.key);
    if (fileId === undefined || upload.initiatedMs >= begunBeforeMs) continue;
    yield await removeOrphan(bucket, fileId, upload, signal);
  }
}

async function removeOrphan(
  bucket: S3Bucket,
  fileId: string,
  upload: ListedMultipart,
  signal: AbortSignal,
): Promise<OrphanOutcome> {
  try {
    await removeUpload(bucket, fileId, upload, signal);
    return { kind: 'removed', fileId };
  } catch (error) {
    return { kind: 'failed', fileId, error };
  }
}

/**
 * Removes an upload of the file `id`, and companions of it that have no file. They go first: as long as there is one, its upload
 * is found. @throws STORAGE_FAILED, STORAGE_TIMEOUT
 */
async function removeUpload(
  bucket: S3Bucket,
  id: string,
  upload: BegunMultipart,
  signal: AbortSignal,
): Promise<void> {
  await removeCompanions(bucket, id, signal);
  await abortUntilGone(bucket, upload, signal);
}

/** All companions of the id, but the one of the file that there is. */
async function removeCompanions({ objects, keys }: S3Bucket, id: string, signal: AbortSignal): Promise<void> {
  const found = await objects.keysFrom(keys.companionsStart(id), signal);
  if (found.length === 0) return;
  const file = await objects.head(keys.file(id), signal);
  const attempt = file && markOf(file).attempt;
  for (const key of found) {
    const own = keys.attemptAt(key, id);
    if (own !== undefined && own !== attempt) await objects.remove(key, signal);
  }
}
