import { z } from 'zod';

/*
 * Building blocks for variables of the environment. Every one takes the meaning as its first argument,
 * because docs/configuration.md is held against these texts by a test.
 */

/** A whole number of `unit`; the default applies when the variable is unset or empty. */
export function count(meaning: string, unit: string, defaultValue: number, min = 0) {
  return z.coerce.number().int().min(min).default(defaultValue).meta({ description: meaning, unit });
}

export function milliseconds(meaning: string, defaultValue: number, min = 1) {
  return count(meaning, 'ms', defaultValue, min);
}

export function bytes(meaning: string, defaultValue: number, min = 1) {
  return count(meaning, 'bytes', defaultValue, min);
}

export function flag(meaning: string, defaultValue: boolean) {
  return z
    .stringbool({ truthy: ['true', '1', 'yes', 'on'], falsy: ['false', '0', 'no', 'off'] })
    .default(defaultValue)
    .meta({ description: meaning, unit: 'true or false' });
}

export function text(meaning: string) {
  return z.string().trim().min(1).optional().meta({ description: meaning, unit: 'text' });
}

export function url(meaning: string) {
  return z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ description: meaning, unit: 'URL' });
}

/** A comma-separated list; unset means the empty list. */
export function list(meaning: string) {
  return z
    .string()
    .default('')
    .transform((value) => value.split(',').flatMap((item) => item.trim() || []))
    .meta({ description: meaning, unit: 'comma-separated list' });
}

export function oneOf<const T extends string>(
  meaning: string,
  values: readonly T[],
  defaultValue: NoInfer<T>,
) {
  return z
    .enum(values)
    .prefault(defaultValue)
    .meta({ description: meaning, unit: values.join(' or ') });
}
