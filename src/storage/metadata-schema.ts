import { z } from 'zod';
import type { FileDescription } from './storage-element.js';

/** Metadata in a record of ours, taken as it is: `z.record` would leave out a member called `__proto__`. */
export const metadataSchema = z.custom<FileDescription['metadata']>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);
