import { randomHex } from '../../observability/random-ids.js';

const NAME =
  /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([0-9]{1,15})\.([0-9]{1,15})\.[0-9a-f]{16}$/;

/** A file that was accepted. Its name tells all of it. */
export interface AcceptedFile {
  readonly name: string;
  readonly uploadId: string;
  /** The database in which it was promised. */
  readonly databaseId: string;
  /** When it was given its name, by the clock of who gave it, in milliseconds since 1970. */
  readonly acceptedAtMs: number;
  readonly bytes: number;
}

/**
 * A file with a name that none has had before: `<upload id>.<database id>.<accepted at>.<bytes>.<random>`. So whoever has a
 * name means this file, and a list of names tells whose files there are, how old and how large.
 */
export function newAcceptedFile(of: Omit<AcceptedFile, 'name'>): AcceptedFile {
  const { uploadId, databaseId, acceptedAtMs, bytes } = of;
  const name = [uploadId, databaseId, Math.trunc(acceptedAtMs), bytes, randomHex(8)].join('.');
  const file = acceptedFile(name);
  // Nothing but ids and numbers of ours become a path.
  if (!file) throw new RangeError(`Not what a file is named by: ${name}`);
  return file;
}

/** What a name tells; undefined for one that is not ours. */
export function acceptedFile(name: string): AcceptedFile | undefined {
  const [, uploadId, databaseId, acceptedAt, bytes] = NAME.exec(name) ?? [];
  if (uploadId === undefined || databaseId === undefined) return undefined;
  return { name, uploadId, databaseId, acceptedAtMs: Number(acceptedAt), bytes: Number(bytes) };
}
