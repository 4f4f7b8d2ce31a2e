import type { StoredFile } from '../../storage-element.js';
import { recordedFile } from './file-record.js';
import { describedFile, markOf, sizeOf } from './object-headers.js';
import type { ObjectKeys } from './object-keys.js';
import type { DigestKind } from './payload.js';
import type { S3Answer } from './s3-answers.js';
import type { S3Multiparts } from './s3-multiparts.js';
import type { S3Objects } from './s3-objects.js';
import type { S3Settings } from './s3-settings.js';
import type { WriteConditions } from './write-conditions.js';
import { storageFailed } from '../storage-failures.js';

/** A bucket as the element uses it. */
export interface S3Bucket {
  readonly settings: S3Settings;
  readonly keys: ObjectKeys;
  readonly objects: S3Objects;
  readonly multiparts: S3Multiparts;
  readonly conditions: WriteConditions;
  /** Digests that every request with bytes needs. */
  readonly kinds: ReadonlySet<DigestKind>;
}

/** What the bucket has of the file `id`; undefined where it has none. */
export async function fileIn(
  { objects, keys }: S3Bucket,
  id: string,
  signal: AbortSignal,
): Promise<StoredFile | undefined> {
  const answer = await objects.head(keys.file(id), signal);
  if (!answer) return undefined;
  const { attempt, hasCompanion } = markOf(answer);
  const text = hasCompanion && attempt ? await objects.text(keys.companion(id, attempt), signal) : undefined;
  // Somebody may have removed it: then the object says what it can.
  if (text === undefined) return describedFile(id, answer);
  try {
    return recordedFile(text, sizeOf(answer));
  } catch (error) {
    throw storageFailed('What the storage element has of the file is damaged.', error);
  }
}

/** Is there an object that `attempt` has made, of `size` bytes where those are known? `taken`: there is another one. */
export async function whoseFile(
  { objects, keys }: S3Bucket,
  id: string,
  { attempt, size }: { readonly attempt: string; readonly size?: number },
  signal: AbortSignal,
): Promise<'ours' | 'taken' | 'absent'> {
  return whoseAnswer(await objects.head(keys.file(id), signal), { attempt, size });
}

/** The same of what the store says of the object. */
export function whoseAnswer(
  answer: S3Answer | undefined,
  { attempt, size }: { readonly attempt: string; readonly size?: number },
): 'ours' | 'taken' | 'absent' {
  if (!answer) return 'absent';
  const isOurs = markOf(answer).attempt === attempt && (size === undefined || sizeOf(answer) === size);
  return isOurs ? 'ours' : 'taken';
}

/** Removes a file: its object first, so that no file is left that does not know what it is. */
export async function removeFrom(
  { objects, keys }: S3Bucket,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const answer = await objects.head(keys.file(id), signal);
  if (!answer) return;
  const { attempt, hasCompanion } = markOf(answer);
  await objects.remove(keys.file(id), signal);
  if (hasCompanion && attempt) await objects.remove(keys.companion(id, attempt), signal);
}
