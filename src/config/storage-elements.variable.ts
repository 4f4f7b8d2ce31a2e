import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { utf8Text } from './utf8-text.js';
import { httpUrl } from './variables.js';

const shared = {
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"'),
  /** `edit` takes temporary files, `rw` permanent ones; `ro` and `ar` take none. */
  mode: z.enum(['edit', 'rw', 'ro', 'ar']),
  /** The lower number is asked first. */
  priority: z.number().int().default(100),
  /** Size of the element in bytes. */
  capacity: z.number().int().min(1).optional(),
};

const storageElementSchema = z.discriminatedUnion('driver', [
  z.strictObject({
    ...shared,
    driver: z.literal('http'),
    url: httpUrl(),
    /** Does the element store a file of no bytes? Most refuse one. */
    acceptsEmptyFiles: z.boolean().default(false),
  }),
  z.strictObject({ ...shared, driver: z.literal('local'), path: z.string().min(1) }),
]);

const httpElement = z.looseObject({ driver: z.literal('http') });
const elementUrl = z.looseObject({ driver: z.literal('http'), url: z.string() });
const localElement = z.looseObject({ driver: z.literal('local'), path: z.string().min(1) });
const namedElement = z.looseObject({ id: shared.id });

/** One entry of `STORAGE_ELEMENTS`. */
export type StorageElementSettings = z.infer<typeof storageElementSchema>;

const storageElementsSchema = z.array(storageElementSchema).min(1);

interface JsonOrProblem {
  readonly json?: unknown;
  readonly problem?: string;
}

/** JSON as it stands, or the path of a file that holds it. */
const jsonOrFile = z.string().transform((value, context) => {
  const { json, problem } = looksLikeJson(value) ? parseJson(value) : readJson(value);
  if (json !== undefined) return json;
  context.addIssue({ code: 'custom', message: `must be a JSON array or a file with one: ${problem}` });
  return z.NEVER;
});

export const storageElementsVariable = jsonOrFile.pipe(storageElementsSchema).optional().meta({
  description:
    'The storage elements: an array of `{id, driver, url or path, mode, …}`, as below. In development two local ones under `DATA_DIR`.',
  unit: 'JSON array or file',
});

/** Is there an element behind HTTP? Looks at nothing else, so that it can tell also where others are wrong. */
export function namesHttpElement(value: string | undefined): boolean {
  return elementsIn(value).some((element) => httpElement.safeParse(element).success);
}

/** Where ids are that an element before has already. Looks at nothing else either: a check of the schema would be left out. */
export function repeatedIds(value: string | undefined): { index: number; id: string }[] {
  const ids = elementsIn(value).map((element) => namedElement.safeParse(element).data?.id);
  return ids.flatMap((id, index) => (id !== undefined && ids.indexOf(id) < index ? [{ index, id }] : []));
}

/** The folder of each local element, by its index; of those whose driver and path can be read. */
export function localPaths(value: string | undefined): [index: number, path: string][] {
  return elementsIn(value).flatMap((element, index) => {
    const path = localElement.safeParse(element).data?.path;
    return path === undefined ? [] : [[index, path]];
  });
}

/** The URL of each element behind HTTP, by its index; of those whose driver and URL can be read. */
export function elementUrls(value: string | undefined): [index: number, url: string][] {
  return elementsIn(value).flatMap((element, index) => {
    const url = elementUrl.safeParse(element).data?.url;
    return url === undefined ? [] : [[index, url]];
  });
}

/** One element for each retention policy, so that a first start needs no configuration. */
export function defaultElements(dataDir: string): StorageElementSettings[] {
  return (['edit', 'rw'] as const).map((mode) => ({
    id: `local-${mode}`,
    driver: 'local',
    path: join(dataDir, 'storage', mode),
    mode,
    priority: 100,
  }));
}

function elementsIn(value: string | undefined): readonly unknown[] {
  const elements = jsonOrFile.safeParse(value).data;
  return Array.isArray(elements) ? elements : [];
}

/** Quotes as well: they come from a shell or an env file that was meant to take them away. */
function looksLikeJson(value: string): boolean {
  return /^\s*[[{'"]/.test(value);
}

function readJson(path: string): JsonOrProblem {
  try {
    const text = utf8Text(readFileSync(path));
    return text === undefined ? { problem: 'the file is not UTF-8' } : parseJson(text);
  } catch {
    return { problem: 'the file cannot be read' };
  }
}

/** Says no more of what is no JSON: the message of `JSON.parse` quotes its input, which is not for logs. */
function parseJson(text: string): JsonOrProblem {
  try {
    // A variable may have been filled from a file that begins with a byte order mark.
    return { json: JSON.parse(text.replace(/^\ufeff/, '')) };
  } catch {
    return { problem: 'it is not valid JSON' };
  }
}
