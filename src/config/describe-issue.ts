import type { z } from 'zod';

/** Longest value that is repeated, in characters. */
const MAX_VALUE_CHARACTERS = 60;

/**
 * Says in plain English which rule a value breaks, where its schema does not say so itself. Numbers and words
 * out of a list are repeated; texts and URLs are not, since they may hold a secret.
 */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined) return 'is required';
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others have words of their own
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${nounOf(issue.expected)}`;
    case 'invalid_value':
      return `must be ${either(issue.values)}${got(issue.input)}`;
    case 'invalid_union':
      return `must be ${either(Array.isArray(issue.options) ? issue.options : [])}`;
    case 'too_small':
      return tooSmall(issue);
    case 'too_big':
      return `must be at most ${issue.maximum}${got(issue.input)}`;
    case 'unrecognized_keys':
      return `must not have ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
    default:
      return undefined;
  }
}

/** `, got "abc"`; nothing for what is no word or number. */
export function got(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') return '';
  const text = JSON.stringify(value);
  return `, got ${text.length > MAX_VALUE_CHARACTERS ? `${text.slice(0, MAX_VALUE_CHARACTERS)}…` : text}`;
}

function tooSmall({ origin, minimum, input }: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall>): string {
  if (origin === 'string') return 'must not be blank';
  if (origin === 'array') return 'must not be an empty list';
  return `must be at least ${minimum}${got(input)}`;
}

function nounOf(type: string): string {
  const nouns: Record<string, string> = {
    array: 'a list',
    boolean: 'true or false',
    int: 'a whole number',
    number: 'a number',
    object: 'an object',
    string: 'text',
  };
  return nouns[type] ?? type;
}

function either(values: readonly unknown[]): string {
  const words = values.map(String);
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1)}` : words.join('');
}
