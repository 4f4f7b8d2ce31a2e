import type { IncomingMessage } from 'node:http';

/** A quoted string is one piece, also one that never ends. No piece can be read in two ways, so this is linear. */
const LIST_ITEMS = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;
const PARAMETERS = /(?:[^";]|"(?:[^"\\]|\\.)*"?)+/g;
const PREFERENCE =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"(.*)"))?$/s;

/**
 * The preferences that a request states (RFC 7240 section 2), names in lower case, with their values; one without a
 * value has the empty one, as the RFC has it. Of a preference that is there twice the first counts. Parameters, and
 * what does not fit the grammar, are passed over: nobody is refused for a preference.
 */
export function preferencesOf({ headers }: IncomingMessage): ReadonlyMap<string, string> {
  const preferences = new Map<string, string>();
  // Node joins several headers of the name by commas.
  for (const [item] of String(headers.prefer ?? '').matchAll(LIST_ITEMS)) {
    const preference = readPreference(item);
    if (preference && !preferences.has(preference.name)) preferences.set(preference.name, preference.value);
  }
  return preferences;
}

/**
 * Does the client ask for an answer before the file is stored? A `wait` beside it is not waited for: RFC 7240 section
 * 4.3 leaves that to us, and who prefers both is answered sooner than he allowed.
 */
export function prefersAsync(request: IncomingMessage): boolean {
  return preferencesOf(request).get('respond-async') === '';
}

function readPreference(item: string): { name: string; value: string } | undefined {
  const text = item.trimStart().match(PARAMETERS)?.[0].trim() ?? '';
  const match = PREFERENCE.exec(text);
  if (!match) return undefined;
  const [, name = '', token, quoted = ''] = match;
  return { name: name.toLowerCase(), value: token ?? quoted.replaceAll(/\\(.)/gs, '$1') };
}
