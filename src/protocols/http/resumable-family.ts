import type { IncomingMessage } from 'node:http';

/** The protocols of uploads that come in several requests. */
export type ResumableFamily = 'tus' | 'ietf';

const TUS_CREATION = ['upload-length', 'upload-defer-length', 'upload-concat'];
const IETF_CREATION = ['upload-complete', 'upload-draft-interop-version'];

/** Which protocol a request speaks that creates an upload; undefined for one that speaks none. */
export function familyOfCreation({ headers }: IncomingMessage): ResumableFamily | undefined {
  const has = (name: string): boolean => headers[name] !== undefined;
  if (has('tus-resumable')) return 'tus';
  if (IETF_CREATION.some(has)) return 'ietf';
  // A client of tus that forgot to say its version.
  return TUS_CREATION.some(has) ? 'tus' : undefined;
}
