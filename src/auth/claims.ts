import type { Caller } from './caller.js';
import { isJsonObject, type JsonObject } from './json-object.js';

const ACCEPTED_TYPES: ReadonlySet<unknown> = new Set(['access', 'service_account', 'admin_user']);

export type ClaimedCaller =
  { readonly caller: Caller; readonly expiresAtSeconds: number } | { readonly refusal: string };

/**
 * Reads the caller out of the payload of a token whose signature, `exp`, `nbf`, `iss` and `aud` have been
 * checked; one that was issued after `latestMs` is refused. A claim that must be there is checked for its type; of a
 * claim that only adds something (a role, a scope, a name), what has the wrong type is left out and so grants nothing.
 */
export function callerFromClaims(claims: unknown, latestMs: number): ClaimedCaller {
  if (!isJsonObject(claims)) return { refusal: 'The token holds no claims' };
  const refusal = refusalOf(claims, latestMs);
  if (refusal !== undefined) return { refusal };
  return {
    expiresAtSeconds: Number(claims.exp),
    caller: {
      subject: String(claims.sub),
      username: firstText(claims, ['username', 'preferred_username', 'email', 'name']),
      clientId: firstText(claims, ['client_id', 'azp']),
      roles: rolesOf(claims),
      scopes: scopesOf(claims),
    },
  };
}

function refusalOf({ sub, exp, iat, ...claims }: JsonObject, latestMs: number): string | undefined {
  if (typeof sub !== 'string') return refusalOfType('sub', sub, 'a string');
  if (sub.trim() === '') return 'The sub of the token is empty';
  if (!isPlainText(sub)) return 'The sub of the token holds characters that are no text';
  if (!isNumber(exp)) return refusalOfType('exp', exp, 'a finite number');
  if (!isNumber(iat)) return refusalOfType('iat', iat, 'a finite number');
  if (iat * 1000 > latestMs) return 'The token was issued in the future';
  if ('type' in claims && !ACCEPTED_TYPES.has(claims.type)) return 'The token is not an access token';
  return undefined;
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
