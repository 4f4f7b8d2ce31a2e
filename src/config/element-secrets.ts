import { z } from 'zod';
import type { DriverSettings, SecretSetting } from './element-settings.js';
import { elementsIn } from './storage-elements.variable.js';

type Given = Readonly<Record<string, string | undefined>>;

const entrySchema = z.looseObject({ id: z.string(), driver: z.string() });

type Entry = z.infer<typeof entrySchema>;

/** An entry of `STORAGE_ELEMENTS` that may take its secret from variables. */
interface SecretEntry {
  readonly entry: Entry;
  readonly index: number;
  readonly secret: SecretSetting;
}

/**
 * `STORAGE_ELEMENTS` with the secrets that stand in variables of their own, so that it need not be kept as one: those of an
 * element, or those for all of its driver, where its entry says nothing else. As it was, where it has no such element.
 */
export function withSecrets(given: Given, drivers: readonly DriverSettings[]): string | undefined {
  const { STORAGE_ELEMENTS } = given;
  const secrets = new Map(
    secretEntries(STORAGE_ELEMENTS, drivers).flatMap(({ entry, index, secret }) => {
      const value = saysItself(entry, secret) ? undefined : secretOf(entry, secret, given);
      return value ? [[index, Object.assign(entry, { [secret.name]: value })]] : [];
    }),
  );
  if (secrets.size === 0) return STORAGE_ELEMENTS;
  return JSON.stringify(elementsIn(STORAGE_ELEMENTS).map((element, index) => secrets.get(index) ?? element));
}

/** Names the variables that are missing beside others, and those of an element whose entry says something else. */
export function secretProblems(given: Given, drivers: readonly DriverSettings[]): string[] {
  const problems = secretEntries(given.STORAGE_ELEMENTS, drivers).flatMap(({ entry, index, secret }) =>
    [
      missingOf(secret, '', given),
      missingOf(secret, suffixOf(entry), given),
      contradictionOf(entry, index, secret, given),
    ].flat(),
  );
  return [...new Set(problems)];
}

/** Names of the variables that are for one element alone. */
export function ownVariables(given: Given, drivers: readonly DriverSettings[]): string[] {
  return secretEntries(given.STORAGE_ELEMENTS, drivers).flatMap(({ entry, secret }) =>
    variablesOf(secret, suffixOf(entry)),
  );
}

function secretEntries(value: string | undefined, drivers: readonly DriverSettings[]): SecretEntry[] {
  return elementsIn(value).flatMap((element, index) => {
    const entry = entrySchema.safeParse(element).data;
    const secret = drivers.find(({ name }) => name === entry?.driver)?.secretSetting;
    return entry && secret ? [{ entry, index, secret }] : [];
  });
}

function secretOf(entry: Entry, secret: SecretSetting, given: Given): object | undefined {
  const suffix = [suffixOf(entry), ''].find((each) => isAnySet(variablesOf(secret, each), given));
  if (suffix === undefined || missingOf(secret, suffix, given).length > 0) return undefined;
  const members = Object.entries({ ...secret.required, ...secret.optional });
  const values = members.map(([member, name]) => [member, given[name + suffix]?.trim()] as const);
  return Object.fromEntries(values.filter(([, value]) => value));
}

function missingOf(secret: SecretSetting, suffix: string, given: Given): string[] {
  const names = variablesOf(secret, suffix);
  const set = names.find((name) => isSet(name, given));
  if (set === undefined) return [];
  return Object.values(secret.required)
    .map((name) => name + suffix)
    .filter((name) => !isSet(name, given))
    .map((name) => `${name}: is required, since ${set} is set`);
}

function contradictionOf(entry: Entry, index: number, secret: SecretSetting, given: Given): string[] {
  const set = variablesOf(secret, suffixOf(entry)).find((name) => isSet(name, given));
  const said = [secret.name, ...secret.inPlaceOf].find((name) => entry[name] !== undefined);
  if (set === undefined || said === undefined) return [];
  return [`${set}: must not be set beside STORAGE_ELEMENTS[${index}].${said}`];
}

function saysItself(entry: Entry, { name, inPlaceOf }: SecretSetting): boolean {
  return [name, ...inPlaceOf].some((setting) => entry[setting] !== undefined);
}

/** `_S3_BACKUP` for the element `s3-backup`. */
function suffixOf({ id }: Entry): string {
  return `_${id.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}

function variablesOf({ required, optional }: SecretSetting, suffix: string): string[] {
  return Object.values({ ...required, ...optional }).map((name) => name + suffix);
}

function isAnySet(names: readonly string[], given: Given): boolean {
  return names.some((name) => isSet(name, given));
}

function isSet(name: string, given: Given): boolean {
  return Boolean(given[name]?.trim());
}
