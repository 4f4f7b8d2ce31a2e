/** NUL, and halves of surrogate pairs: `JSON.stringify` escapes them, and an escaped backslash before them is none. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][\da-f]{2})/;

/**
 * Tells whether every text in parsed JSON, names of members included, can be kept as it is: PostgreSQL takes neither NUL
 * nor half of a surrogate pair. To be asked of what is not nested too deeply.
 */
export function isStorable(value: unknown): boolean {
  return !UNSTORABLE.test(JSON.stringify(value) ?? '');
}
