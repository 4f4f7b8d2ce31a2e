import { holdsKeptNumbers, parseKeepingNumbers } from '../../errors/json-numbers.js';
import { metadataSchema } from '../../storage/metadata-schema.js';
import type { FileDescription } from '../../storage/storage-element.js';

/**
 * What is said of a file, as `jsonb` keeps it: a date is text, and so is metadata with numbers that PostgreSQL or
 * JavaScript would write in another way.
 */
export type StoredDescription = Omit<FileDescription, 'uploadedAt' | 'metadata'> & {
  readonly uploadedAt: string;
  readonly metadata: FileDescription['metadata'] | string;
};

/** JSON for the column. */
export function storedDescriptionOf(file: FileDescription): string {
  const { metadata } = file;
  return JSON.stringify(holdsKeptNumbers(metadata) ? { ...file, metadata: JSON.stringify(metadata) } : file);
}

/** The way back. */
export function descriptionFrom(stored: StoredDescription): FileDescription {
  const { metadata } = stored;
  return {
    ...stored,
    uploadedAt: new Date(stored.uploadedAt),
    metadata: typeof metadata === 'string' ? metadataSchema.parse(parseKeepingNumbers(metadata)) : metadata,
  };
}
