/** Longest `Authorization` value looked at, in characters; real tokens have one or two thousand. */
const MAX_AUTHORIZATION_LENGTH = 16_384;

/** RFC 9110, section 11.1: the scheme is case-insensitive. RFC 6750, section 2.1: one space, one token. */
const BEARER = /^bearer +([\w\-.~+/]+=*)$/i;

export type BearerToken = { readonly token: string } | { readonly refusal: string };

/**
 * Finds the token in the headers as they came over the wire: a list of names and values by turns. Node's
 * `headers` keep the first of two `Authorization` headers, while a proxy in front may have looked at the
 * second. Query and body are never looked at.
 */
export function readBearerToken(rawHeaders: readonly string[]): BearerToken {
  const values = rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization',
  );
  const [value] = values;
  if (value === undefined) return { refusal: 'There is no Authorization header' };
  if (values.length > 1) return { refusal: 'There is more than one Authorization header' };
  if (value.length > MAX_AUTHORIZATION_LENGTH) return { refusal: 'The Authorization header is too long' };
  const token = BEARER.exec(value)?.[1];
  return token === undefined ? { refusal: 'The Authorization header holds no Bearer token' } : { token };
}
