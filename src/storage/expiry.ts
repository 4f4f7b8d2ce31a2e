import type { FileDescription } from './storage-element.js';

const DAY_MS = 86_400_000;

/** When a temporary file is to be gone, wherever it is; undefined for a permanent one. */
export function expiryOf({
  uploadedAt,
  ttlDays,
}: Pick<FileDescription, 'uploadedAt' | 'ttlDays'>): Date | undefined {
  return ttlDays === null ? undefined : new Date(uploadedAt.getTime() + ttlDays * DAY_MS);
}
