import { parseKeepingNumbers } from '../../errors/json-numbers.js';
import { metadataSchema } from '../../storage/metadata-schema.js';
import type { FileDescription } from '../../storage/storage-element.js';

/**
 * What is said of a file, as `jsonb` keeps it: a date is text, and so is metadata, whose numbers and order of members
 * `jsonb` would change. In rows of before it is an object.
 */
export type StoredDescription = Omit<FileDescription, 'uploadedAt' | 'metadata'> & {
  readonly uploadedAt: string;
  readonly metadata: FileDescription['metadata'] | string;
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
    metadata: typeof metadata === 'string' ? metadataSchema.parse(parseKeepingNumbers(metadata)) : metadata,
  };
}
