import { mkdtemp } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** The two folders of a local element, on one file system. */
export interface LocalPlaces {
  /** Finished files, and nothing else: `<last 2 of id>/<id>/`. */
  readonly files: string;
  /** Files on their way in or out. */
  readonly incoming: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Is this, in small letters, an id that becomes a path? */
export function isFileId(id: string): boolean {
  return UUID.test(id);
}

/** The last characters are random also in ids that begin with the time. */
export function shardOf(id: string): string {
  return id.slice(-2);
}

/** An empty folder in `incoming`, onto which that of a file can be renamed, or from which it comes. */
export function makeAside(incoming: string, folder: string): Promise<string> {
  return mkdtemp(join(incoming, `${basename(folder)}.`));
}
