import type { AbsentSpool } from '../ledger/absent-spools.js';
import type { AcceptedFiles } from './accepted-files.service.js';

/** What the database says of a file in the spool. */
export type SpoolPromise =
  /** It is needed: it waits, is delivered, or is a dead letter. */
  | 'promised'
  /** It is needed no more: its upload is stored, cancelled, expired or dropped, or has another file. */
  | 'finished';

/** What is asked of the database about the spool. */
export interface SpoolPromises {
  /** Stays the same for ever; another database has another one. @throws QUEUE_UNAVAILABLE */
  databaseId(): Promise<string>;
  /** What is known of files of these names; one that has no row is absent. @throws QUEUE_UNAVAILABLE */
  promised(names: readonly string[]): Promise<ReadonlyMap<string, SpoolPromise>>;
  /** Sees to it that these are not promised any more, and gives those that are not promised already. @throws QUEUE_UNAVAILABLE */
  refuse(names: readonly string[]): Promise<readonly string[]>;
  /** Files of this spool that are promised, by the ids of their uploads behind `after`, `limit` at most. @throws QUEUE_UNAVAILABLE */
  promisedAfter(after: string | undefined, limit: number): Promise<readonly PromisedFile[]>;
  /** Spools of others that nobody has now, although files wait there. @throws QUEUE_UNAVAILABLE */
  absentSpools(): Promise<readonly AbsentSpool[]>;
}

export interface PromisedFile {
  readonly uploadId: string;
  readonly name: string;
}

const PAGE = 500;

/**
 * Removes the files of our database that nobody is promised, and gives the ids of their uploads. Only the database's word
 * counts; one that it does not know may be just being promised until it is `orphanMs` old, and is removed only once
 * nobody can promise it any more. When the database cannot be asked, nothing is removed. Ends early with the reason of
 * `signal`.
 */
export async function removeUnpromised(
  files: AcceptedFiles,
  promises: SpoolPromises,
  { databaseId, orphanMs }: { readonly databaseId: string; readonly orphanMs: number },
  signal: AbortSignal,
): Promise<{ orphans: string[]; finished: string[] }> {
  const ours = (await files.list()).filter((file) => file.databaseId === databaseId);
  const removed = { orphans: [] as string[], finished: [] as string[] };
  for (let from = 0; from < ours.length; from += PAGE) {
    signal.throwIfAborted();
    const page = ours.slice(from, from + PAGE);
    const known = await promises.promised(page.map(({ name }) => name));
    const unknown = page.filter((file) => !known.has(file.name) && files.ageMs(file) >= orphanMs);
    const refused = new Set(await promises.refuse(unknown.map(({ name }) => name)));
    for (const { name, uploadId } of page) {
      if (known.get(name) === 'finished') removed.finished.push(uploadId);
      else if (refused.has(name)) removed.orphans.push(uploadId);
      else continue;
      signal.throwIfAborted();
      await files.remove(name);
    }
  }
  return removed;
}

/** Ids of uploads that are promised and have no file. `files` were listed just now. @throws the reason of `signal` */
export async function findMissing(
  files: AcceptedFiles,
  promises: SpoolPromises,
  signal: AbortSignal,
): Promise<string[]> {
  const missing: string[] = [];
  let page: readonly PromisedFile[] = [];
  do {
    page = await promises.promisedAfter(page.at(-1)?.uploadId, PAGE);
    signal.throwIfAborted();
    const absent: PromisedFile[] = [];
    for (const file of page) {
      if (!files.hasSeen(file.name) && !(await files.has(file.name))) absent.push(file);
    }
    // Asked again: those that were delivered meanwhile have lost their file as they should.
    const still = await promises.promised(absent.map(({ name }) => name));
    missing.push(
      ...absent.filter(({ name }) => still.get(name) === 'promised').map(({ uploadId }) => uploadId),
    );
  } while (page.length === PAGE);
  return missing;
}
