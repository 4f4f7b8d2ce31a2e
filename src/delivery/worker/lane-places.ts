/** What may be taken now. */
export interface LanePlaces {
  readonly limit: number;
  /** Groups of which nothing may be taken. */
  readonly without: readonly string[];
}

/** One place in eight, and at least one, is not for a group that has all the others. */
const KEPT_PART = 8;

/**
 * How many tasks may be begun beside the `running` ones, `groups` of which say how many are of each group. No group gets
 * every place: where all of its storage elements hang, the others still come to theirs. A lane with one place has
 * none to keep.
 */
export function placesFor(
  concurrency: number,
  running: number,
  groups: ReadonlyMap<string, number>,
): LanePlaces {
  const kept = concurrency > 1 ? Math.max(1, Math.floor(concurrency / KEPT_PART)) : 0;
  const most = concurrency - kept;
  const without: string[] = [];
  let limit = Math.min(concurrency - running, most);
  for (const [group, count] of groups) {
    if (count >= most) without.push(group);
    // All that is taken may be of this one group.
    else limit = Math.min(limit, most - count);
  }
  return { limit: Math.max(0, limit), without };
}
