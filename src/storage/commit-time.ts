/** A large file gets time to be written out: 50 MiB a second. */
const COMMIT_BYTES_PER_MS = (50 * 1024 * 1024) / 1000;

/** How long an element may take, after the last of `bytes`, to have the file and say so; in milliseconds. */
export function commitTimeMs(bytes: number, atLeastMs: number): number {
  return Math.max(atLeastMs, bytes / COMMIT_BYTES_PER_MS);
}
