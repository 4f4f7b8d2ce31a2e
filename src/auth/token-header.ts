import { isJsonObject, type JsonObject } from './json-object.js';

/** RFC 7515, section 4.1: members that bring a key along, or ask for rules that we do not know. */
const REFUSED_MEMBERS = ['jwk', 'jku', 'x5u', 'crit'];

export type TokenHeader = { readonly kid: string | undefined } | { readonly refusal: string };

/**
 * Reads what chooses the key, before any signature is checked. Nothing here is trusted: a header can only
 * make us refuse, or pick among the keys that we have.
 */
export function readTokenHeader(token: string): TokenHeader {
  const header = parseObject(token.slice(0, Math.max(token.indexOf('.'), 0)));
  if (header === undefined) return { refusal: 'The token is not a JSON Web Token' };
  if (header.alg !== 'RS256') return { refusal: 'The token is not signed with RS256' };
  const refused = REFUSED_MEMBERS.find((member) => Object.hasOwn(header, member));
  if (refused !== undefined) return { refusal: `The token header must not have the member ${refused}` };
  const { kid } = header;
  return kid === undefined || typeof kid === 'string'
    ? { kid }
    : { refusal: 'The token header names its key with something that is not a text' };
}

function parseObject(encoded: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString());
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
