import { z } from 'zod';
import { got } from './describe-issue.js';
import { withoutEndSlashes } from './end-slashes.js';
import { MAX_TIMER_MS } from './timer-limit.js';

/** Most failures that a circuit may be told to open at: it keeps the time of each. */
export const MOST_CIRCUIT_FAILURES = 10_000;

/** A hundred years: a moment so long ago can still be written as a date, also by a database. */
const MOST_DAYS = 36_500;

/*
 * Building blocks for variables of the environment. Every one takes the meaning as its first argument,
 * because docs/configuration.md is held against these texts by a test.
 */

/** A whole number of `unit`; the default applies when the variable is unset or empty. */
export function count(meaning: string, unit: string, defaultValue: number, min = 0) {
  return wholeNumber(min).default(defaultValue).meta({ description: meaning, unit });
}

/** How many failures open a circuit. */
export function failureThreshold(meaning: string) {
  return wholeNumber(1, MOST_CIRCUIT_FAILURES).default(5).meta({ description: meaning, unit: 'failures' });
}

export function milliseconds(meaning: string, defaultValue: number, min = 1) {
  return wholeNumber(min, MAX_TIMER_MS).default(defaultValue).meta({ description: meaning, unit: 'ms' });
}

export function days(meaning: string, defaultValue: number, min: number) {
  return wholeNumber(min, MOST_DAYS).default(defaultValue).meta({ description: meaning, unit: 'days' });
}

export function bytes(meaning: string, defaultValue: number, min = 1) {
  return count(meaning, 'bytes', defaultValue, min);
}

export function flag(meaning: string, defaultValue: boolean) {
  return trueOrFalse().default(defaultValue).meta({ description: meaning, unit: 'true or false' });
}

/** A flag whose default depends on others. */
export function flagOrUnset(meaning: string) {
  return trueOrFalse().optional().meta({ description: meaning, unit: 'true or false' });
}

function trueOrFalse() {
  return z.stringbool({ truthy: ['true', '1', 'yes', 'on'], falsy: ['false', '0', 'no', 'off'] });
}

export function text(meaning: string) {
  return z.string().trim().min(1).optional().meta({ description: meaning, unit: 'text' });
}

export function url(meaning: string) {
  return httpUrl().optional().meta({ description: meaning, unit: 'URL' });
}

/** The address under which a service is: nothing that belongs to one request, and no slash at its end. */
export function baseUrl(meaning: string) {
  return httpUrl()
    .refine((value) => !/[?#]/.test(value), 'must not have a query or fragment')
    .transform((value) => withoutEndSlashes(new URL(value).href))
    .optional()
    .meta({ description: meaning, unit: 'URL' });
}

/** A comma-separated list, each item of which fits `pattern`; unset means the empty list. */
export function list(meaning: string, pattern: RegExp, rule: string) {
  return listOf(meaning, z.string().regex(pattern, { error: ({ input }) => `${rule}${got(input)}` }));
}

/** A comma-separated list of such items; unset means the empty list. */
export function listOf(meaning: string, item: z.ZodType<string, string>) {
  return z
    .string()
    .default('')
    .transform((value) => value.split(',').flatMap((part) => part.trim() || []))
    .pipe(z.array(item))
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

/** Digits alone, where `Number` would also take "1e3", "0x10" and a blank. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  return z
    .string()
    .trim()
    .regex(/^\d+$/, { error: ({ input }) => `must be a whole number${got(input)}` })
    .transform(Number)
    .pipe(z.number().min(min).max(max));
}

/** A user name or password in a URL would be left out of the calls in silence, and be logged with the URL. */
export function httpUrl() {
  return z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).refine((value) => {
    const parsed = URL.parse(value);
    return !parsed?.username && !parsed?.password;
  }, 'must not hold a user name or password');
}
