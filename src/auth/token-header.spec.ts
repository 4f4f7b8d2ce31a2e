import { describe, expect, it } from '@jest/globals';
import { readTokenHeader } from './token-header.js';

function withHeader(header: unknown): string {
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.payload.signature`;
}

describe('readTokenHeader', () => {
  it('reads the kid, which may be absent', () => {
    expect(readTokenHeader(withHeader({ alg: 'RS256', kid: 'a' }))).toEqual({ kid: 'a' });
    expect(readTokenHeader(withHeader({ alg: 'RS256' }))).toEqual({ kid: undefined });
  });

  it.each(['none', 'HS256', 'RS512', 'rs256', null, 256, ['RS256']])('refuses the algorithm %j', (alg) => {
    expect(readTokenHeader(withHeader({ alg }))).toHaveProperty('refusal');
  });

  it.each(['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/JWT'])(
    'takes the type %j',
    (typ) => {
      expect(readTokenHeader(withHeader({ alg: 'RS256', typ }))).toEqual({ kid: undefined });
    },
  );

  it.each(['dpop+jwt', 'logout+jwt', 'JWT ', '', 'text/jwt', 'application/application/jwt', null, ['JWT']])(
    'refuses the type %j',
    (typ) => {
      expect(readTokenHeader(withHeader({ alg: 'RS256', typ }))).toEqual({
        refusal: 'The typ in the token header is not that of an access token',
      });
    },
  );

  it.each(['jwk', 'jku', 'x5u', 'x5c', 'crit'])('refuses a header with %s, even if it is empty', (member) => {
    expect(readTokenHeader(withHeader({ alg: 'RS256', [member]: null }))).toEqual({
      refusal: `The token header must not have the member ${member}`,
    });
  });

  it.each([null, 1, {}, ['a']])('refuses the kid %j', (kid) => {
    expect(readTokenHeader(withHeader({ alg: 'RS256', kid }))).toHaveProperty('refusal');
  });

  it.each(['', '.', 'x', 'e30', '{}.a.b', withHeader([]), withHeader(null), withHeader('RS256')])(
    'refuses what has no header: %j',
    (token) => {
      expect(readTokenHeader(token)).toHaveProperty('refusal');
    },
  );
});
