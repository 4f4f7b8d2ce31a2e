import type { LedgerPromises, PromisedFile } from '../ledger/ledger-promises.service.js';
import { type AcceptedFile, acceptedFile } from './accepted-file.js';
import type { AcceptedFiles } from './accepted-files.service.js';

/** What is asked of the database about the spool. */
export type SpoolPromises = Omit<LedgerPromises, 'oldestWaitingAgeMs'>;

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
  const names = await files.list();
  const removed = { orphans: [] as string[], finished: [] as string[] };
  for (let from = 0; from < names.length; from += PAGE) {
    signal.throwIfAborted();
    const ours = filesOf(databaseId, names.slice(from, from + PAGE));
    const known = await promises.promised(ours.map(({ name }) => name));
    const unknown = await olderThan(
      orphanMs,
      files,
      ours.filter(({ name }) => !known.has(name)),
    );
    const refused = new Set(await promises.refuse(unknown));
    for (const { name, uploadId } of ours) {
      if (known.get(name) === 'finished') removed.finished.push(uploadId);
      else if (refused.has(name)) removed.orphans.push(uploadId);
      else continue;
      signal.throwIfAborted();
      await files.remove(name);
    }
  }
  return removed;
}

function filesOf(databaseId: string, names: readonly string[]): AcceptedFile[] {
  return names.flatMap((name) => {
    const file = acceptedFile(name);
    return file?.databaseId === databaseId ? [file] : [];
  });
}

async function olderThan(
  ageMs: number,
  files: AcceptedFiles,
  some: readonly AcceptedFile[],
): Promise<string[]> {
  const ages = await Promise.all(some.map(({ name }) => files.ageMs(name)));
  return some.flatMap(({ name }, index) => ((ages[index] ?? -1) >= ageMs ? [name] : []));
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
