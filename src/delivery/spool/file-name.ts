import { randomHex } from '../../observability/random-ids.js';

const NAME =
  /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[0-9a-f]{16}$/;

/** What the name of an accepted file says. */
export interface NamedFile {
  readonly uploadId: string;
  /** The database in which it was promised. */
  readonly databaseId: string;
}

/**
 * A name that no file has had before: `<upload id>.<database id>.<random>`. So whoever has a name means this file, and the
 * folder tells whose files they are.
 */
export function newFileName({ uploadId, databaseId }: NamedFile): string {
  const name = `${uploadId}.${databaseId}.${randomHex(8)}`;
  // Nothing but ids of ours become a path.
  if (!namedFile(name)) throw new RangeError(`Not the ids of an upload and a database: ${name}`);
  return name;
}

/** What a name says; undefined for one that is not ours. */
export function namedFile(name: string): NamedFile | undefined {
  const [, uploadId, databaseId] = NAME.exec(name) ?? [];
  return uploadId === undefined || databaseId === undefined ? undefined : { uploadId, databaseId };
}
