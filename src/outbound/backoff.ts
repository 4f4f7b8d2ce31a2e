export interface BackoffSettings {
  /** How the delay grows with every failure: doubled, by `baseMs` more, or not at all. */
  readonly growth: 'exponential' | 'linear' | 'constant';
  /** `full` spreads callers that failed together over the whole delay; `none` keeps the delay as computed. */
  readonly jitter: 'full' | 'none';
  /** Delay after the first failure, in milliseconds. */
  readonly baseMs: number;
  /** Longest delay, in milliseconds. */
  readonly maxMs: number;
}

export const DEFAULT_BACKOFF: BackoffSettings = {
  growth: 'exponential',
  jitter: 'full',
  baseMs: 1_000,
  maxMs: 10_000,
};

/** A number from 0 up to, not including, 1, as `Math.random` gives; tests put a seeded one in its place. */
export type Random = () => number;

/** Milliseconds to wait before the next try, where attempt number `attempt`, 1 for the first, has failed. */
export function backoffMs(
  { growth, jitter, baseMs, maxMs }: BackoffSettings,
  attempt: number,
  random: Random,
): number {
  const ms = Math.min(maxMs, baseMs * FACTORS[growth](attempt));
  return jitter === 'full' ? Math.floor(random() * (ms + 1)) : ms;
}

const FACTORS: Readonly<Record<BackoffSettings['growth'], (attempt: number) => number>> = {
  // The power is beyond any cap; a larger one would become infinite, and infinite times a base of 0 is no number.
  exponential: (attempt) => 2 ** Math.min(attempt - 1, 52),
  linear: (attempt) => attempt,
  constant: () => 1,
};
