const FIRST_MS = 1_000;
const MOST_MS = 30_000;

/**
 * How long to wait before the next try after so many failures in a row: twice as long after each, half of it by chance, so that
 * pages that were cut off together do not come back together. The service's own word counts more.
 */
export function waitAfter(
  failures: number,
  retryAfterSeconds: number | undefined,
  random: () => number = Math.random,
): number {
  const half = Math.min(FIRST_MS * 2 ** (failures - 1), MOST_MS) / 2;
  const ownMs = Math.round(half + random() * half);
  return retryAfterSeconds === undefined
    ? ownMs
    : Math.max(retryAfterSeconds * 1000, 0) + Math.round(random() * 500);
}
