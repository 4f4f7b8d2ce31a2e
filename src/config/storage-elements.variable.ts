import { readFileSync } from 'node:fs';
import { z } from 'zod';

const shared = {
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"'),
  /** `edit` takes temporary files, `rw` permanent ones; `ro` and `ar` take none. */
  mode: z.enum(['edit', 'rw', 'ro', 'ar']),
  /** The lower number is asked first. */
  priority: z.number().int().default(100),
  /** Size of the element in bytes. */
  capacity: z.number().int().positive().optional(),
};

const storageElementSchema = z.discriminatedUnion('driver', [
  z.strictObject({ ...shared, driver: z.literal('http'), url: z.url({ protocol: /^https?$/ }) }),
  z.strictObject({ ...shared, driver: z.literal('local'), path: z.string().min(1) }),
]);

/** One entry of `STORAGE_ELEMENTS`. */
export type StorageElementSettings = z.infer<typeof storageElementSchema>;

const storageElementsSchema = z
  .array(storageElementSchema)
  .min(1)
  .refine((elements) => new Set(elements.map(({ id }) => id)).size === elements.length, 'ids must be unique');

/** JSON as it stands, or the path of a file that holds it. */
export const storageElementsVariable = z
  .string()
  .transform((value, context) => {
    try {
      return JSON.parse(value.trimStart().startsWith('[') ? value : readFileSync(value, 'utf8')) as unknown;
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: `must be a JSON array or a file with one: ${String(error)}`,
      });
      return z.NEVER;
    }
  })
  .pipe(storageElementsSchema)
  .optional()
  .meta({
    description:
      'The storage elements: an array of `{id, driver, url or path, mode, priority, capacity}`. In development two local ones under `DATA_DIR`.',
    unit: 'JSON array or file',
  });
