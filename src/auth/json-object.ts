export type JsonObject = Record<string, unknown>;

/** Tells an object of parsed JSON from an array, null and the rest. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
