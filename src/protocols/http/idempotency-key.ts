import type { IncomingMessage } from 'node:http';
import { parseItem } from 'structured-headers';
import { invalidHeader } from './invalid-header.js';

const FIELD = 'Idempotency-Key';
const MAX_CHARACTERS = 255;
/** What many clients send in place of a string: all that can be seen, but for what has a meaning in a field. */
const BARE = /^[!#-+\--:<-[\]-~]+$/;

/**
 * The key by which a client knows a request again that it repeats (draft-ietf-httpapi-idempotency-key-header-07): a string in
 * quotes, or the same without them. @throws VALIDATION_ERROR
 */
export function idempotencyKey({ headers }: IncomingMessage): string | undefined {
  const header = headers['idempotency-key'];
  if (header === undefined) return undefined;
  const key = readKey(String(header));
  if (key === undefined || key.length === 0) throw invalidHeader(FIELD, 'must be one string as `"8e03978e"`');
  if (key.length > MAX_CHARACTERS)
    throw invalidHeader(FIELD, `must have at most ${MAX_CHARACTERS} characters`);
  return key;
}

function readKey(value: string): string | undefined {
  if (BARE.test(value)) return value;
  try {
    const [key] = parseItem(value);
    return typeof key === 'string' ? key : undefined;
  } catch {
    return undefined;
  }
}
