import { isJsonObject, type JsonObject } from './json-object.js';

/** RFC 7515, section 4.1: members that bring a key along, or ask for rules that we do not know. */
const REFUSED_MEMBERS = ['jwk', 'jku', 'x5u', 'x5c', 'crit'];

/**
 * RFC 8725, section 3.11. An access token has no type, that of any JWT (RFC 7519, section 5.1), or its own (RFC 9068,
 * section 2.1). Others say that the token is for something else: `dpop+jwt`, `logout+jwt`, `secevent+jwt`.
 */
const ACCEPTED_TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt']);

export type TokenHeader = { readonly kid: string | undefined } | { readonly refusal: string };

/**
 * Reads what chooses the key, before any signature is checked. Nothing here is trusted: a header can only
 * make us refuse, or pick among the keys that we have.
 */
export function readTokenHeader(token: string): TokenHeader {
  const header = parseObject(token.slice(0, Math.max(token.indexOf('.'), 0)));
  if (header === undefined) return { refusal: 'The token is not a JSON Web Token' };
  if (header.alg !== 'RS256') return { refusal: 'The token is not signed with RS256' };
  if (!isAcceptedType(header.typ))
    return { refusal: 'The typ in the token header is not that of an access token' };
  const refused = REFUSED_MEMBERS.find((member) => Object.hasOwn(header, member));
  if (refused !== undefined) return { refusal: `The token header must not have the member ${refused}` };
  const { kid } = header;
  return kid === undefined || typeof kid === 'string'
    ? { kid }
    : { refusal: 'The token header names its key with something that is not a text' };
}

/** RFC 7515, section 4.1.9: a media type, in any case, whose `application/` may be left out. */
function isAcceptedType(typ: unknown): boolean {
  if (typ === undefined) return true;
  return typeof typ === 'string' && ACCEPTED_TYPES.has(typ.toLowerCase().replace(/^application\//, ''));
}

function parseObject(encoded: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString());
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
