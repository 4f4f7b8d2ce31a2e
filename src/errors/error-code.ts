/**
 * The `code` of what Node.js or undici threw. Not by `instanceof Error`, which is wrong for errors of another
 * realm: those of Node.js itself, where this code runs in a `vm` context as under Jest.
 */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
