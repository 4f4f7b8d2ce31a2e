import { describe, expect, it } from '@jest/globals';
import { callerFromClaims } from './claims.js';

const NOW_SECONDS = 1_700_000_000;
const TOLERANCE_MS = 5_000;
const REQUIRED = { sub: 'alice', iat: NOW_SECONDS, exp: NOW_SECONDS + 60 };

function read(claims: unknown): ReturnType<typeof callerFromClaims> {
  return callerFromClaims(claims, NOW_SECONDS * 1000, TOLERANCE_MS);
}

describe('callerFromClaims', () => {
  it('needs no more than sub, exp and iat', () => {
    expect(read(REQUIRED)).toEqual({
      caller: {
        subject: 'alice',
        username: null,
        clientId: null,
        roles: new Set(),
        scopes: new Set(),
        expiresAtMs: REQUIRED.exp * 1000 + TOLERANCE_MS,
      },
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

  it.each([
    [{ role: ['a', 'b'], roles: 'c', realm_access: { roles: 'd e' } }, ['a', 'b', 'c', 'd e'], []],
    [{ scope: ['a b', 'c'], scopes: 'd e', scp: 'f' }, [], ['a', 'b', 'c', 'd', 'e', 'f']],
    [{ role: 5, roles: [['a'], null, ''], realm_access: ['b'] }, [], []],
    [{ role: { admin: true }, roles: 'a\nb', realm_access: { roles: 7 } }, [], []],
    [{ scope: {}, scopes: [5, ['a'], 'b\t'], scp: true }, [], []],
  ])('reads the roles and scopes of %j as %j and %j, and leaves out the rest', (claims, roles, scopes) => {
    const caller = { roles: new Set(roles), scopes: new Set(scopes) };
    expect(read({ ...REQUIRED, ...claims })).toMatchObject({ caller });
  });

  it('refuses a token that was issued later than now, as far as the clock may be off', () => {
    expect(read({ ...REQUIRED, iat: NOW_SECONDS + 5 })).toHaveProperty('caller');
    expect(read({ ...REQUIRED, iat: NOW_SECONDS + 6 })).toHaveProperty('refusal');
  });

  it.each(['exp', 'iat', 'nbf'])('refuses an %s that is no time, and names it', (name) => {
    const refusal = `The ${name} of the token is no time between the years 1970 and 9999`;
    for (const time of [1e308, 253_402_300_800, -1, -0.5]) {
      expect(read({ ...REQUIRED, [name]: time })).toEqual({ refusal });
    }
    expect(read({ ...REQUIRED, [name]: 1.5 })).toHaveProperty('caller');
  });

  it.each([
    [{ type: 'access' }],
    [{ typ: 'Bearer' }],
    [{ token_use: 'access' }],
    [{ nonce: 'Keycloak before 25 writes one into access tokens' }],
  ])('takes %j for an access token', (claims) => {
    expect(read({ ...REQUIRED, ...claims })).toHaveProperty('caller');
  });

  it.each([
    [{ sub: undefined }, 'The token has no sub'],
    [{ sub: 7 }, 'The sub of the token must be a string, got a number'],
    [{ sub: ['a'] }, 'The sub of the token must be a string, got an array'],
    [{ sub: '  ' }, 'The sub of the token is empty'],
    [{ sub: 'a\0b' }, 'The sub of the token holds characters that are no text'],
    [{ sub: 'a\nb' }, 'The sub of the token holds characters that are no text'],
    [{ sub: 'a\ud800' }, 'The sub of the token holds characters that are no text'],
    [{ exp: null }, 'The token has no exp'],
    [{ exp: Infinity }, 'The exp of the token must be a finite number, got a number'],
    [{ iat: '1' }, 'The iat of the token must be a finite number, got a string'],
    [{ iat: {} }, 'The iat of the token must be a finite number, got an object'],
    [{ type: 'refresh' }, 'The token is not an access token'],
    [{ type: undefined }, 'The token is not an access token'],
    [{ typ: 'ID' }, 'The token is not an access token'],
    [{ typ: 'Refresh' }, 'The token is not an access token'],
    [{ typ: null }, 'The token is not an access token'],
    [{ type: 'access', typ: 'Logout' }, 'The token is not an access token'],
    [{ token_use: 'id' }, 'The token is not an access token'],
    [{ at_hash: 'x' }, 'The token is not an access token'],
    [{ c_hash: 'x' }, 'The token is not an access token'],
    [{ events: {} }, 'The token is not an access token'],
    [{ cnf: { jkt: 'x' } }, 'The token is bound to a key, which is not supported'],
    [
      { authorization_details: [{ type: 'payment' }] },
      'The token holds authorization_details, which are not supported',
    ],
    [{ cnf: null }, 'The token is bound to a key, which is not supported'],
    [{ nbf: 'soon' }, 'The nbf of the token must be a finite number, got a string'],
  ])('says what is wrong with %j', (claims, refusal) => {
    expect(read({ ...REQUIRED, ...claims })).toEqual({ refusal });
  });

  it.each([null, undefined, 'text', 1, [], [REQUIRED]])('refuses %j, which holds no claims', (claims) => {
    expect(read(claims)).toEqual({ refusal: 'The token holds no claims' });
  });
});
