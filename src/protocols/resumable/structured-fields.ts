import type { IncomingMessage } from 'node:http';
import { type BareItem, parseItem } from 'structured-headers';

/** A decimal that has the value of a whole number is no integer. */
const INTEGER = /^ *\d+(?:;| *$)/;

/**
 * A field that is an integer of at most 15 digits, and not negative (RFC 9651 section 3.3.1); parameters are passed over.
 * Undefined where it is absent, and where it is anything else: the draft has such a field ignored.
 */
export function integerField(request: IncomingMessage, name: string): number | undefined {
  const text = textOf(request, name);
  const value = itemOf(text);
  return typeof value === 'number' && INTEGER.test(text) ? value : undefined;
}

/** A field that is a boolean, `?1` or `?0`; undefined as that of `integerField`. */
export function booleanField(request: IncomingMessage, name: string): boolean | undefined {
  const value = itemOf(textOf(request, name));
  return typeof value === 'boolean' ? value : undefined;
}

/** Node joins a field that is there twice by a comma, which no item has outside a string. */
function textOf({ headers }: IncomingMessage, name: string): string {
  return String(headers[name] ?? '');
}

function itemOf(text: string): BareItem | undefined {
  // Most requests have no such field, and an error costs more than all else that is done for one.
  if (text === '') return undefined;
  try {
    return parseItem(text)[0];
  } catch {
    return undefined;
  }
}
