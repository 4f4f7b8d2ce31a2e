import { join } from 'node:path';
import { randomHex } from '../../../observability/random-ids.js';

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const VERSION = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[0-9a-f]{16}$/;
const ASIDE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9a-f]{16})(?:\.[0-9a-f]{16})?\.json$/;

const ID_LENGTH = 36;

const RECORD_END = '.json';
const CONTENT_END = '.content';

/**
 * Where the parts of a file are, on one file system. A version is `<id>.<random>`: each attempt to store an id has one of
 * its own, so that who means the bytes of one attempt never gets those of another.
 */
export class LocalPlaces {
  /** `<last 2 of id>/<id>.json`, the record that makes a file, and `<last 2 of id>/<version>.content`, its bytes. */
  readonly files: string;
  /** Records of files that are not there yet, or not any more: `<version>.json`, `<version>.<random>.json`. */
  readonly incoming: string;

  constructor(root: string) {
    this.files = join(root, 'files');
    this.incoming = join(root, 'incoming');
  }

  /** The last characters are random also in ids that begin with the time. */
  shard(idOrVersion: string): string {
    return `${this.files}/${shardOf(idOf(idOrVersion))}`;
  }

  record(id: string): string {
    return `${this.shard(id)}/${id}${RECORD_END}`;
  }

  content(version: string): string {
    return `${this.shard(version)}/${contentName(version)}`;
  }

  /** Where the record of a new file is until it has its final name. */
  draft(version: string): string {
    return `${this.incoming}/${version}${RECORD_END}`;
  }

  /**
   * A name that nothing has, for a record that is taken out of the way. Never that of the draft: renamed onto another name
   * of its own, a file would keep both.
   */
  aside(version: string): string {
    return `${this.incoming}/${version}.${randomHex(8)}${RECORD_END}`;
  }
}

/** Is this, in small letters, an id that becomes a path? */
export function isFileId(id: string): boolean {
  return ID.test(id);
}

export function newVersion(id: string): string {
  return `${id}.${randomHex(8)}`;
}

export function contentName(version: string): string {
  return `${version}${CONTENT_END}`;
}

/** The version that a content file of the id belongs to; undefined where the name is none of such a file. */
export function versionOfContent(name: string, id: string): string | undefined {
  if (!name.endsWith(CONTENT_END)) return undefined;
  const version = name.slice(0, -CONTENT_END.length);
  return VERSION.exec(version)?.[1] === id ? version : undefined;
}

/** The version that a name in `incoming` says; undefined for a name that is none of ours. */
export function versionOfAside(name: string): string | undefined {
  return ASIDE.exec(name)?.[1];
}

/** The id whose record has this name in this shard; undefined for all other names. */
export function idOfRecord(name: string, shard: string): string | undefined {
  if (!name.endsWith(RECORD_END)) return undefined;
  const id = name.slice(0, -RECORD_END.length);
  return isFileId(id) && shardOf(id) === shard ? id : undefined;
}

/** The id of a version; an id as it is. */
export function idOf(version: string): string {
  return version.slice(0, ID_LENGTH);
}

function shardOf(id: string): string {
  return id.slice(-2);
}
