import { parseKeepingNumbers } from '../errors/json-numbers.js';
import { metadataSchema } from './metadata-schema.js';
import type { FileDescription } from './storage-element.js';

/** What is said of a file, as JSON keeps it: a date is text, and so is metadata, whose numbers stay as they came. */
export type StoredDescription = Omit<FileDescription, 'uploadedAt' | 'metadata'> & {
  readonly uploadedAt: string;
  readonly metadata: string;
};

/** JSON for the column. */
export function storedDescriptionOf(file: FileDescription): string {
  return JSON.stringify({ ...file, metadata: JSON.stringify(file.metadata) });
}

/** The way back. */
export function descriptionFrom(stored: StoredDescription): FileDescription {
  const { metadata } = stored;
  return {
    ...stored,
    uploadedAt: new Date(stored.uploadedAt),
    metadata: metadataSchema.parse(parseKeepingNumbers(metadata)),
  };
}
