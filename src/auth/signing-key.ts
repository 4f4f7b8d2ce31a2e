import { type KeyObject, verify } from 'node:crypto';

/**
 * Gives the one of `keys` that a token is signed with; the first where none is, so that the token is refused for its
 * signature; undefined where there is no key. It only chooses: who verifies the token looks at its signature again.
 */
export function signingKeyOf(token: string, keys: readonly KeyObject[]): KeyObject | undefined {
  if (keys.length < 2) return keys[0];
  // RFC 7515, section 7.1: the signature is of all that is before the last dot.
  const end = token.lastIndexOf('.');
  const signed = Buffer.from(token.slice(0, Math.max(end, 0)));
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  return keys.find((key) => verify('RSA-SHA256', signed, key, signature)) ?? keys[0];
}
