import { close, unlink } from 'node:fs';
import { promisify } from 'node:util';
import { isMissing } from '../spool-failure.js';

const closeFile = promisify(close);
const unlinkFile = promisify(unlink);

/**
 * Removes the names of an open file and closes it, whatever happens to its names: somebody who swept the folder may
 * have taken them, which is no problem. Never fails; gives what went wrong.
 */
export async function discardFile(descriptor: number, names: readonly string[]): Promise<unknown[]> {
  const results = await Promise.allSettled([...names.map((name) => unlinkFile(name)), closeFile(descriptor)]);
  const problems = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  return problems.filter((problem) => !isMissing(problem));
}
