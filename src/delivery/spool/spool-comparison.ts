import type { AcceptedFiles } from './accepted-files.service.js';

/** What the database says of an upload whose file may be in the spool. */
export type SpoolPromise =
  /** Its file is needed: it waits, is delivered, or is a dead letter. */
  | 'promised'
  /** Its file is needed no more: it is stored, cancelled, expired or dropped. */
  | 'finished';

/** Which database it is that is asked. */
export interface PromiseOrigin {
  /** Stays the same for ever; another database has another one. */
  readonly databaseId: string;
  /** Does it know of any upload? */
  readonly hasPromised: boolean;
}

/** What is asked of the database about the spool. */
export interface SpoolPromises {
  /** @throws QUEUE_UNAVAILABLE */
  origin(): Promise<PromiseOrigin>;
  /** What is known of these uploads; one that has no row is absent. @throws QUEUE_UNAVAILABLE */
  promised(uploadIds: readonly string[]): Promise<ReadonlyMap<string, SpoolPromise>>;
  /** Ids of uploads that are promised, in ascending order behind `after`, `limit` at most. @throws QUEUE_UNAVAILABLE */
  promisedAfter(after: string | undefined, limit: number): Promise<readonly string[]>;
}

export interface SpoolAges {
  /** Age below which a file may belong to a promise that is just being made. */
  readonly orphanMs: number;
  /** The same for a file whose upload has been finished. */
  readonly finishedMs: number;
}

const PAGE = 500;

/**
 * Removes the files that nobody is promised, and gives their ids. Only the database's word counts, and only for files
 * that are too old to be just being promised; when it cannot be asked, nothing is removed. Ends early with the reason
 * of `signal`.
 */
export async function removeUnpromised(
  files: AcceptedFiles,
  promises: SpoolPromises,
  ages: SpoolAges,
  signal: AbortSignal,
): Promise<{ orphans: string[]; finished: string[] }> {
  await files.settleAside();
  const youngest = Math.min(ages.orphanMs, ages.finishedMs);
  const old = (await files.list()).filter((file) => files.ageMs(file) >= youngest);
  const removed = { orphans: [] as string[], finished: [] as string[] };
  for (let from = 0; from < old.length; from += PAGE) {
    const ids = old.slice(from, from + PAGE).map(({ uploadId }) => uploadId);
    const known = await promises.promised(ids);
    for (const uploadId of ids) {
      signal.throwIfAborted();
      const state = known.get(uploadId);
      if (state === 'promised') continue;
      const age = state === 'finished' ? ages.finishedMs : ages.orphanMs;
      // Looked at again: the name may have been given to another file meanwhile.
      const file = await files.find(uploadId);
      if (!file || files.ageMs(file) < age) continue;
      if (!(await files.remove(uploadId))) continue;
      (state === 'finished' ? removed.finished : removed.orphans).push(uploadId);
    }
  }
  return removed;
}

/** Ids of uploads that are promised and have no file. @throws the reason of `signal` */
export async function findMissing(
  files: AcceptedFiles,
  promises: SpoolPromises,
  signal: AbortSignal,
): Promise<string[]> {
  const missing: string[] = [];
  let page: readonly string[] = [];
  do {
    page = await promises.promisedAfter(page.at(-1), PAGE);
    const absent: string[] = [];
    for (const uploadId of page) {
      signal.throwIfAborted();
      if (!(await files.has(uploadId))) absent.push(uploadId);
    }
    // Asked again: those that were delivered meanwhile have lost their file as they should.
    const still = absent.length > 0 ? await promises.promised(absent) : undefined;
    missing.push(...absent.filter((uploadId) => still?.get(uploadId) === 'promised'));
  } while (page.length === PAGE);
  return missing;
}
