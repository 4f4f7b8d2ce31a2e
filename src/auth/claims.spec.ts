import { describe, expect, it } from '@jest/globals';
import { callerFromClaims } from './claims.js';

const NOW_SECONDS = 1_700_000_000;
const REQUIRED = { sub: 'alice', iat: NOW_SECONDS, exp: NOW_SECONDS + 60 };

function read(claims: unknown): ReturnType<typeof callerFromClaims> {
  return callerFromClaims(claims, NOW_SECONDS * 1000);
}

describe('callerFromClaims', () => {
  it('needs no more than sub, exp and iat', () => {
    expect(read(REQUIRED)).toEqual({
      caller: { subject: 'alice', username: null, clientId: null, roles: new Set(), scopes: new Set() },
      expiresAtSeconds: REQUIRED.exp,
    });
  });

  it('gathers roles and scopes from every claim that may hold them', () => {
    const claims = {
      ...REQUIRED,
      role: 'user',
      roles: ['operator', 'user'],
      realm_access: { roles: ['admin'] },
      scope: ' files:write  openid ',
      scopes: ['admin:read'],
      scp: ['admin:write'],
    };
    expect(read(claims)).toMatchObject({
      caller: {
        roles: new Set(['user', 'operator', 'admin']),
        scopes: new Set(['files:write', 'openid', 'admin:read', 'admin:write']),
      },
    });
  });

  it.each([
    [{ username: 'u', preferred_username: 'p', email: 'e', name: 'n' }, 'u'],
    [{ preferred_username: 'p', email: 'e', name: 'n' }, 'p'],
    [{ username: '', preferred_username: 7, email: 'e', name: 'n' }, 'e'],
    [{ name: 'n' }, 'n'],
    [{ username: 'a\0b', name: 'n' }, 'n'],
  ])('names the caller of %j "%s"', (names, username) => {
    expect(read({ ...REQUIRED, ...names })).toMatchObject({ caller: { username } });
  });

  it.each([
    [{ client_id: 'c', azp: 'a' }, 'c'],
    [{ client_id: 5, azp: 'a' }, 'a'],
  ])('takes the client of %j for "%s"', (clients, clientId) => {
    expect(read({ ...REQUIRED, ...clients })).toMatchObject({ caller: { clientId } });
  });

  it('allows the clock of an issuer to be five seconds ahead, not six', () => {
    expect(read({ ...REQUIRED, iat: NOW_SECONDS + 5 })).toHaveProperty('caller');
    expect(read({ ...REQUIRED, iat: NOW_SECONDS + 6 })).toHaveProperty('refusal');
  });

  it.each([
    [{ sub: undefined }, 'sub'],
    [{ sub: '  ' }, 'sub'],
    [{ sub: 'a\0b' }, 'sub'],
    [{ sub: 'a\nb' }, 'sub'],
    [{ sub: 'a\ud800' }, 'sub'],
    [{ exp: null }, 'exp'],
    [{ exp: Infinity }, 'exp'],
    [{ iat: '1' }, 'iat'],
    [{ type: 'refresh' }, 'access token'],
    [{ type: undefined }, 'access token'],
  ])('says what is wrong with %j', (claims, rule) => {
    expect(read({ ...REQUIRED, ...claims })).toEqual({ refusal: expect.stringContaining(rule) });
  });

  it.each([null, undefined, 'text', 1, [], [REQUIRED]])('refuses %j, which holds no claims', (claims) => {
    expect(read(claims)).toEqual({ refusal: 'The token holds no claims' });
  });
});
