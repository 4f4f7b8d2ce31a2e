import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type DriverSettings, type ElementSettings, elementShape } from './element-settings.js';
import { utf8Text } from './utf8-text.js';

const namedElement = z.looseObject({ id: elementShape.id });
const anyElement = z.record(z.string(), z.unknown());

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

/** The variable, before its drivers have looked at it. */
export const storageElementsVariable = jsonOrFile.optional().meta({
  description:
    'The storage elements: an array of `{id, driver, mode, …}`, as below. In development two local ones under `DATA_DIR`.',
  unit: 'JSON array or file',
});

/** The entries, each as its driver wants it. */
export function elementsSchema(drivers: readonly DriverSettings[]): z.ZodType<ElementSettings[]> {
  const [first, ...others] = drivers.map(({ settingsSchema }) => settingsSchema);
  if (!first) throw new Error('There is no driver of storage elements');
  return jsonOrFile.pipe(z.array(z.discriminatedUnion('driver', [first, ...others])).min(1));
}

/** Is there an element whose driver wants a service token? Looks at nothing else, so that it can tell also where others are wrong. */
export function wantsServiceToken(value: string | undefined, drivers: readonly DriverSettings[]): boolean {
  const wanting = drivers.filter((driver) => driver.wantsServiceToken);
  return elementsIn(value).some((element) => wanting.some(({ name }) => name === driverOf(element)));
}

/** Where ids are that an element before has already. Looks at nothing else either: a check of the schema would be left out. */
export function repeatedIds(value: string | undefined): { index: number; id: string }[] {
  const ids = elementsIn(value).map((element) => namedElement.safeParse(element).data?.id);
  return ids.flatMap((id, index) => (id !== undefined && ids.indexOf(id) < index ? [{ index, id }] : []));
}

/** Where in `STORAGE_ELEMENTS` a setting stands, and what it is. */
export interface FoundSetting {
  /** `STORAGE_ELEMENTS[0].path` */
  readonly name: string;
  readonly value: string;
}

/** The settings of all elements that their drivers call a folder or a URL; of those that can be read. */
export function settingsNamed(
  role: 'folderSetting' | 'urlSetting',
  value: string | undefined,
  drivers: readonly DriverSettings[],
): FoundSetting[] {
  return elementsIn(value).flatMap((element, index) => {
    const setting = drivers.find(({ name }) => name === driverOf(element))?.[role];
    const found = setting === undefined ? undefined : memberOf(element, setting);
    if (setting === undefined || typeof found !== 'string' || found === '') return [];
    return [{ name: `STORAGE_ELEMENTS[${index}].${setting}`, value: found }];
  });
}

/** One element for each retention policy, so that a first start needs no configuration. */
export function defaultElements(dataDir: string): string {
  const elements = (['edit', 'rw'] as const).map((mode) => ({
    id: `local-${mode}`,
    driver: 'local',
    path: join(dataDir, 'storage', mode),
    mode,
  }));
  return JSON.stringify(elements);
}

function driverOf(element: unknown): unknown {
  return memberOf(element, 'driver');
}

function memberOf(element: unknown, name: string): unknown {
  return anyElement.safeParse(element).data?.[name];
}

/** The entries as they stand, unchecked; none where they cannot be read. */
export function elementsIn(value: string | undefined): readonly unknown[] {
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
