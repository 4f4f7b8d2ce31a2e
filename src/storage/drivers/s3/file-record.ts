import { z } from 'zod';
import { parseKeepingNumbers } from '../../../errors/json-numbers.js';
import type { ContentDigest, FileDescription, StoredFile } from '../../storage-element.js';
import { fileOfRecord, recordOf, recordShape } from '../stored-record.js';

const recordSchema = z.object({
  ...recordShape,
  size: z.number(),
  uploaded_by_username: z.string().nullable(),
});

/** All that is known of a file, as a companion has it. */
export function recordText(file: FileDescription, digest: ContentDigest): string {
  return `${JSON.stringify(recordOf(file, digest))}\n`;
}

/** What a companion says of its file, of which `size` bytes are stored. @throws Error where it is damaged */
export function recordedFile(text: string, size: number): StoredFile {
  return { ...fileOfRecord(recordSchema.parse(parseKeepingNumbers(text))), size };
}
