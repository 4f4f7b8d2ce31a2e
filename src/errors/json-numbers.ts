declare global {
  /** ECMAScript proposal "JSON.parse source text access": in Node.js since 21, not yet in TypeScript's library. */
  interface JSON {
    rawJSON(text: string): object;
    isRawJSON(value: unknown): boolean;
  }
}

/**
 * `JSON.parse`, but a number that JavaScript would write in another way, as `1546130668394913822`, `1.10`, `-0` or
 * `1e400`, becomes an object that `JSON.stringify` writes as it was. Goes down by recursion. @throws SyntaxError
 */
export function parseKeepingNumbers(text: string): unknown {
  return JSON.parse(text, (_name, value: unknown, context?: { readonly source?: string }) => {
    const source = typeof value === 'number' ? context?.source : undefined;
    return source === undefined || source === String(value) ? value : JSON.rawJSON(source);
  });
}

/** Is it a number that `parseKeepingNumbers` has kept as text? */
export function isKeptNumber(value: unknown): boolean {
  return JSON.isRawJSON(value);
}
