import type { Caller } from './caller.js';
import { isJsonObject, type JsonObject } from './json-object.js';

/** By the claim that says what kind a token is: artStore, Keycloak, Cognito. Others they write are no access tokens. */
const ACCEPTED_KINDS: Readonly<Record<string, ReadonlySet<unknown>>> = {
  type: new Set(['access', 'service_account', 'admin_user']),
  typ: new Set(['Bearer']),
  token_use: new Set(['access']),
};

/**
 * Claims of other tokens of the same issuer, for those that do not say what they are (RFC 8725, section 3.12). An access
 * token cannot hold its own hash, so that is an ID token (OpenID Connect Core, section 3.3.2.11); `events` makes a
 * security event or logout token (RFC 8417, section 2.2). A `nonce` proves nothing: Keycloak before 25 writes it into
 * access tokens as well.
 */
const FOREIGN_CLAIMS = ['at_hash', 'c_hash', 'events'];

/** The last second of the year 9999. What is later is mostly milliseconds by mistake, and no date that RFC 3339 can write. */
const LATEST_SECONDS = 253_402_300_799;

export type ClaimedCaller = { readonly caller: Caller } | { readonly refusal: string };

/**
 * Reads the caller out of the payload of a token whose signature, `exp`, `nbf`, `iss` and `aud` have been checked at
 * `nowMs`, with a clock that may be `toleranceMs` off that of the issuer. A claim that must be there is checked for its
 * type; of a claim that only adds something (a role, a scope, a name), what has the wrong type is left out and so grants
 * nothing.
 */
export function callerFromClaims(claims: unknown, nowMs: number, toleranceMs: number): ClaimedCaller {
  if (!isJsonObject(claims)) return { refusal: 'The token holds no claims' };
  const refusal =
    refusalOfSubject(claims) ?? refusalOfTimes(claims, nowMs + toleranceMs) ?? refusalOfKind(claims);
  if (refusal !== undefined) return { refusal };
  return {
    caller: {
      subject: String(claims.sub),
      username: firstText(claims, ['username', 'preferred_username', 'email', 'name']),
      clientId: firstText(claims, ['client_id', 'azp']),
      roles: rolesOf(claims),
      scopes: scopesOf(claims),
      expiresAtMs: Number(claims.exp) * 1000 + toleranceMs,
    },
  };
}

function refusalOfSubject({ sub }: JsonObject): string | undefined {
  if (typeof sub !== 'string') return refusalOfType('sub', sub, 'a string');
  if (sub.trim() === '') return 'The sub of the token is empty';
  return isPlainText(sub) ? undefined : 'The sub of the token holds characters that are no text';
}

function refusalOfTimes({ exp, iat, nbf }: JsonObject, latestMs: number): string | undefined {
  const refusal =
    refusalOfTime('exp', exp) ??
    refusalOfTime('iat', iat) ??
    (nbf === undefined ? undefined : refusalOfTime('nbf', nbf));
  if (refusal !== undefined) return refusal;
  return Number(iat) * 1000 > latestMs ? 'The token was issued in the future' : undefined;
}

/** RFC 7519, section 2: seconds since 1970, which may have a fraction. */
function refusalOfTime(name: string, value: unknown): string | undefined {
  if (!isNumber(value)) return refusalOfType(name, value, 'a finite number');
  if (value >= 0 && value <= LATEST_SECONDS) return undefined;
  return `The ${name} of the token is no time between the years 1970 and 9999`;
}

function refusalOfKind(claims: JsonObject): string | undefined {
  // RFC 7800: only who holds the key may use such a token, and that is not asked for here (RFC 8705, RFC 9449).
  if (Object.hasOwn(claims, 'cnf')) return 'The token is bound to a key, which is not supported';
  // RFC 9396: it says what exactly is granted, which is not read here.
  if (Object.hasOwn(claims, 'authorization_details'))
    return 'The token holds authorization_details, which are not supported';
  const isForeign =
    FOREIGN_CLAIMS.some((name) => Object.hasOwn(claims, name)) ||
    Object.entries(ACCEPTED_KINDS).some(
      ([name, accepted]) => Object.hasOwn(claims, name) && !accepted.has(claims[name]),
    );
  return isForeign ? 'The token is not an access token' : undefined;
}

/** Says what is wrong with a claim without quoting it. */
function refusalOfType(name: string, value: unknown, expected: string): string {
  if (value === undefined || value === null) return `The token has no ${name}`;
  return `The ${name} of the token must be ${expected}, got ${kindOf(value)}`;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function rolesOf({ role, roles, realm_access: realmAccess }: JsonObject): ReadonlySet<string> {
  const realmRoles = isJsonObject(realmAccess) ? realmAccess.roles : undefined;
  return new Set([role, roles, realmRoles].flatMap(texts));
}

/** RFC 8693, section 4.2, and RFC 9068, section 2.2.3: scopes are parted by spaces, and so hold none. */
function scopesOf({ scope, scopes, scp }: JsonObject): ReadonlySet<string> {
  const values = [scope, scopes, scp].flatMap(listOf);
  return new Set(texts(values.flatMap((value) => (typeof value === 'string' ? value.split(' ') : []))));
}

function firstText(claims: JsonObject, names: readonly string[]): string | null {
  return texts(names.map((name) => claims[name]))[0] ?? null;
}

/** The texts of a claim; what is empty or no text is left out. */
function texts(claim: unknown): string[] {
  return listOf(claim)
    .filter((value) => typeof value === 'string')
    .filter((value) => value !== '' && isPlainText(value));
}

/** Some issuers write an array where others write its only value. */
function listOf(claim: unknown): unknown[] {
  return Array.isArray(claim) ? claim : [claim];
}

/** What can be written into a log, a header and a row: no control characters, no half of a surrogate pair. */
function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text);
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}
