import { expect, it } from '@jest/globals';
import { claimsOf, cleanToken, isSendable } from './token-claims.js';

function tokenOf(claims: unknown): string {
  const bytes = new TextEncoder().encode(JSON.stringify(claims));
  const payload = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  return `e30.${payload.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}.sig`;
}

it('says whose token it is, and how long it is good', () => {
  expect(claimsOf(tokenOf({ sub: 'zoë?>', exp: 1_800_000_000 }))).toEqual({
    subject: 'zoë?>',
    expiresAtMs: 1_800_000_000_000,
  });
});

it.each([[''], ['abc'], ['a.b.c'], [tokenOf(null)], [tokenOf({ sub: 7, exp: 'soon' })]])(
  'says nothing of %s',
  (token) => {
    expect(claimsOf(token)).toEqual({});
  },
);

it.each(['  e30.e30.sig\n', 'Bearer e30.e30.sig', 'authorization: bearer  e30.e30.sig'])(
  'takes "%s" as a token',
  (text) => {
    expect(cleanToken(text)).toBe('e30.e30.sig');
  },
);

it.each([
  ['e30.e30.sig', true],
  ['', false],
  ['e30.e30 .sig', false],
  ['e30.e30.sig\u200b', false],
  ['e30…sig', false],
])('a header carries "%s": %s', (token, expected) => {
  expect(isSendable(token)).toBe(expected);
});
