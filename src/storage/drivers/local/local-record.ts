import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { parseKeepingNumbers } from '../../../errors/json-numbers.js';
import type { ContentDigest, FileDescription, StoredFile } from '../../storage-element.js';
import { fileOfRecord, recordOf, recordShape } from '../stored-record.js';
import { contentName, type LocalPlaces, versionOfContent } from './local-places.js';

const recordSchema = z.object({ ...recordShape, content: z.string() });

/** What a record says of its file: all but the size. */
export interface LocalRecord {
  readonly version: string;
  readonly file: Omit<StoredFile, 'size'>;
}

/** The text of the record of a file. */
export function recordText(version: string, file: FileDescription, digest: ContentDigest): string {
  const record = { ...recordOf(file, digest), content: contentName(version) };
  return `${JSON.stringify(record)}\n`;
}

/** Reads the record of the file `id` at `path`. @throws Error, with code ENOENT when there is none */
export async function readRecord(path: string, id: string): Promise<LocalRecord> {
  const record = recordSchema.parse(parseKeepingNumbers(await readFile(path, 'utf8')));
  const version = versionOfContent(record.content, id);
  if (record.file_id !== id || version === undefined) throw new Error(`The record is not one of ${id}`);
  return { version, file: fileOfRecord(record) };
}

/** The version that the record at `path` names; undefined where there is none that can be read. */
export async function versionAt(path: string, id: string): Promise<string | undefined> {
  return readRecord(path, id).then(
    ({ version }) => version,
    () => undefined,
  );
}

/** The size of the content, as the disk says. @throws Error with code ENOENT when there is none */
export async function contentSize(places: LocalPlaces, version: string): Promise<number> {
  const { size } = await stat(places.content(version));
  return size;
}
