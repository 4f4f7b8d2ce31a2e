import { AUDIENCE, goodClaims, ISSUER, json, type Members } from './token-forge.js';
import type { TokenRow } from './token-table.js';

type HeaderRow = readonly [name: string, header: Members];
type ClaimRow = readonly [name: string, claims: Members];

const now = (): number => Math.floor(Date.now() / 1000);
const HOUR_SECONDS = 3_600;
const END_OF_9999 = 253_402_300_799;

/** RFC 8725, sections 3.11 and 3.12: the type in the header. */
const REFUSED_TYPES = [
  'dpop+jwt',
  'application/dpop+jwt',
  'logout+jwt',
  'secevent+jwt',
  'rt+jwt',
  'token-introspection+jwt',
  'oauth-authz-req+jwt',
  'entity-statement+jwt',
  'kb+jwt',
  'JWS',
  'JOSE',
  'JOSE+JSON',
  'JWT ',
  ' JWT',
  'JWT\0',
  'ＪＷＴ',
  'at+jwt; v=1',
  'text/jwt',
  'application/application/jwt',
  '',
  null,
  true,
  1,
  ['JWT'],
  { typ: 'JWT' },
];

/** Other tokens of the same issuer, with the same audience, signed with the same key. */
const FOREIGN: ClaimRow[] = [
  ...['ID', 'Refresh', 'Offline', 'Logout', 'DPoP', 'Serialized-ID', 'JWT', '', null, ['Bearer']].map(
    (typ): ClaimRow => [`Keycloak's typ ${json(typ)}`, { typ }],
  ),
  ...['refresh', 'id', 'Access', '', null, ['access']].map((type): ClaimRow => [
    `artStore's type ${json(type)}`,
    { type },
  ]),
  ['a refresh token whose typ is Bearer', { type: 'refresh', typ: 'Bearer' }],
  ["Cognito's token_use id", { token_use: 'id' }],
  ['an ID token by its at_hash', { at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng', nonce: 'n-0S6_WzA2Mj' }],
  ['an ID token by its c_hash', { c_hash: 'LDktKdoQak3Pk0cnXxCltA' }],
  ['a logout token', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} }, sid: 'x' }],
  ['a security event', { events: { 'urn:ietf:params:event:SCIM:create': {} }, txn: 'x' }],
  ['a token bound by DPoP', { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }],
  ['a token bound by mTLS', { cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' } }],
  ['a token bound to nothing', { cnf: {} }],
  ['a token bound to null', { cnf: null }],
];

/** RFC 8725, sections 3.8 and 3.9, RFC 7519, section 4.1. */
const ISSUED_ELSEWHERE: ClaimRow[] = [
  ['another issuer', { iss: 'https://other.example' }],
  ['the issuer with a slash', { iss: `${ISSUER}/` }],
  ['the issuer in capitals', { iss: ISSUER.toUpperCase() }],
  ['the issuer with a homoglyph', { iss: ISSUER.replace('e', 'е') }],
  ['a list of issuers', { iss: [ISSUER] }],
  ['no issuer', { iss: undefined }],
  ['another audience', { aud: 'account' }],
  ['audiences without ours', { aud: ['account', 'ingester2', 'Ingester'] }],
  ['an audience that begins like ours', { aud: `${AUDIENCE} x` }],
  ['an audience in an object', { aud: { [AUDIENCE]: true } }],
  ['no audience', { aud: undefined }],
];

/** RFC 7519, section 2: a NumericDate. */
const TIMES: ClaimRow[] = [
  ['exp 1e308', { exp: 1e308 }],
  ['exp after the year 9999', { exp: END_OF_9999 + 1 }],
  ['exp in milliseconds', { exp: Date.now() + HOUR_SECONDS * 1000 }],
  ['exp below zero', { exp: -1 }],
  ['exp zero', { exp: 0 }],
  ['exp an hour ago', { exp: now() - HOUR_SECONDS }],
  ['exp as text', { exp: String(now() + HOUR_SECONDS) }],
  ['exp as a date', { exp: '2999-01-01T00:00:00Z' }],
  ['exp in a list', { exp: [now() + HOUR_SECONDS] }],
  ['exp true', { exp: true }],
  ['exp null', { exp: null }],
  ['no exp', { exp: undefined }],
  ['nbf 1e308', { nbf: 1e308 }],
  ['nbf below zero', { nbf: -1 }],
  ['nbf in an hour', { nbf: now() + HOUR_SECONDS }],
  ['nbf as text', { nbf: '0' }],
  ['nbf null', { nbf: null }],
  ['iat 1e308', { iat: 1e308 }],
  ['iat below zero', { iat: -1e308 }],
  ['iat in an hour', { iat: now() + HOUR_SECONDS }],
  ['iat as text', { iat: '1' }],
  ['no iat', { iat: undefined }],
];

const SUBJECTS: ClaimRow[] = [
  ['no sub', { sub: undefined }],
  ['sub null', { sub: null }],
  ['an empty sub', { sub: '' }],
  ['a blank sub', { sub: ' \u00a0\u2003' }],
  ['a sub with a line break', { sub: 'alice\r\nX-Admin: true' }],
  ['a sub with a zero byte', { sub: 'alice\0' }],
  ['a sub in a list', { sub: ['alice'] }],
];

/** Refused with 401: signed by the issuer, and not meant for us. */
export const MISUSED: readonly TokenRow[] = [
  ...withHeaders(REFUSED_TYPES.map((typ): HeaderRow => [`the typ ${json(typ)} in the header`, { typ }])),
  ...withClaims([...FOREIGN, ...ISSUED_ELSEWHERE, ...TIMES, ...SUBJECTS]),
  sealed('exp 1e999', { exp: 'X' }, (text) => text.replace('"X"', '1e999')),
  sealed('an exp that is over behind a good one', {}, (text) => text.replace('}', ',"exp":1}')),
  sealed('a sub that is none behind a good one', {}, (text) => text.replace('}', ',"sub":""}')),
  sealed('another audience behind a good one', {}, (text) => text.replace('}', ',"aud":"account"}')),
  sealed('an escaped cnf', { cnf: {} }, (text) => text.replace('cnf', '\\u0063nf')),
];

/** Refused with 403: good tokens that look as if they granted something. */
export const POWERLESS: readonly TokenRow[] = [
  ...withClaims([
    ...[
      'ADMIN',
      'ａｄｍｉｎ',
      'аdmin',
      'admin\u200b',
      'admin ',
      'admin\0',
      'admin,user',
      'root',
      '__proto__',
    ].map((role): ClaimRow => [`the role ${json(role)}`, { role }]),
    ...['admin:*', 'ADMIN:READ', 'admin:read\t', 'admin:read,files:read', 'admin', '*'].map(
      (scope): ClaimRow => [`the scope ${json(scope)}`, { role: undefined, scope }],
    ),
    ['no role', { role: undefined }],
    ['roles in an object', { role: { admin: true } }],
    ['roles in a list of lists', { role: [['admin']] }],
    ['roles of another client', { role: undefined, resource_access: { other: { roles: ['admin'] } } }],
    ['groups', { role: undefined, groups: ['admin'] }],
    ['the scope to upload', { role: undefined, scope: 'files:write' }],
  ]),
  sealed('a role in the prototype', { role: undefined }, (text) =>
    text.replace('{', '{"__proto__":{"role":"admin","roles":["admin"]},'),
  ),
  sealed('the role admin before another', {}, (text) => text.replace('}', ',"role":"user"}')),
];

/** Taken: what issuers of the field write. */
export const GOOD: readonly TokenRow[] = [
  ...withHeaders([
    ['no typ', { typ: undefined }],
    ...['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/JWT'].map((typ): HeaderRow => [
      `the typ ${typ}`,
      { typ },
    ]),
    ['a thumbprint of the key', { x5t: 'AAAA' }],
  ]),
  ...withClaims([
    ['no more than it needs', {}],
    [
      'the typ Bearer of Keycloak',
      { typ: 'Bearer', azp: 'web', sid: 'x', acr: '1', 'allowed-origins': ['*'] },
    ],
    ['the nonce of an older Keycloak', { typ: 'Bearer', nonce: 'x' }],
    ['the token_use access of Cognito', { token_use: 'access', client_id: 'x' }],
    ['the type access of artStore', { type: 'access' }],
    ['the claims of RFC 9068', { client_id: 'x', jti: 'x', auth_time: now() - 60, scope: 'openid' }],
    ['ours among other audiences', { aud: ['account', AUDIENCE] }],
    ['times with fractions', { exp: now() + 60.5, nbf: now() - 0.5, iat: now() - 1.25 }],
    ['the last second that is a time', { exp: END_OF_9999 }],
    ['an nbf of zero', { nbf: 0 }],
    ['a sub in another script', { sub: 'Алиса 🙂' }],
    ['8 KiB of claims', { padding: 'x'.repeat(8_192) }],
  ]),
  sealed('names that are escaped', {}, (text) => text.replace('"sub"', '"\\u0073ub"')),
];

function withHeaders(rows: readonly HeaderRow[]): TokenRow[] {
  return rows.map(([name, header]) => [name, (forge) => forge.good({}, header)]);
}

function withClaims(rows: readonly ClaimRow[]): TokenRow[] {
  return rows.map(([name, claims]) => [name, (forge) => forge.good(claims)]);
}

/** A token of the issuer whose claims are changed as text, for what no object can hold. */
function sealed(name: string, claims: Members, change: (text: string) => string): TokenRow {
  return [name, (forge) => forge.sealed(change(json(goodClaims(claims))))];
}
