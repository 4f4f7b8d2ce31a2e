import type { Caller } from './caller.js';
import { isJsonObject, type JsonObject } from './json-object.js';

/** How far a clock of an issuer may be off ours, in seconds. */
export const LEEWAY_SECONDS = 5;

const ACCEPTED_TYPES: ReadonlySet<unknown> = new Set(['access', 'service_account', 'admin_user']);

export type ClaimedCaller =
  { readonly caller: Caller; readonly expiresAtSeconds: number } | { readonly refusal: string };

/**
 * Reads the caller out of the payload of a token whose signature, `exp`, `nbf`, `iss` and `aud` have been
 * checked. A claim that must be there is checked for its type; of a claim that only adds something
 * (a role, a scope, a name), what has the wrong type is left out and so grants nothing.
 */
export function callerFromClaims(claims: unknown, nowMs: number): ClaimedCaller {
  if (!isJsonObject(claims)) return { refusal: 'The token holds no claims' };
  const refusal = refusalOf(claims, nowMs / 1000);
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

function refusalOf({ sub, exp, iat, ...claims }: JsonObject, nowSeconds: number): string | undefined {
  if (typeof sub !== 'string' || sub.trim() === '') return 'The token has no sub';
  if (!isPlainText(sub)) return 'The token has a sub that is no text';
  if (!Number.isFinite(exp)) return 'The token has no exp';
  if (!isNumber(iat)) return 'The token has no iat';
  if (iat > nowSeconds + LEEWAY_SECONDS) return 'The token was issued in the future';
  if ('type' in claims && !ACCEPTED_TYPES.has(claims.type)) return 'The token is not an access token';
  return undefined;
}

function rolesOf({ role, roles, realm_access: realmAccess }: JsonObject): ReadonlySet<string> {
  const realmRoles = isJsonObject(realmAccess) ? realmAccess.roles : undefined;
  return new Set([...texts([role]), ...texts(roles), ...texts(realmRoles)]);
}

function scopesOf({ scope, scopes, scp }: JsonObject): ReadonlySet<string> {
  // RFC 8693, section 4.2: "scope" is a list of values that are parted by spaces.
  const spaced = typeof scope === 'string' ? scope.split(' ') : [];
  return new Set([...texts(spaced), ...texts(scopes), ...texts(scp)]);
}

function firstText(claims: JsonObject, names: readonly string[]): string | null {
  return texts(names.map((name) => claims[name]))[0] ?? null;
}

/** The non-empty texts of a list; nothing when it is not a list. */
function texts(values: unknown): string[] {
  return Array.isArray(values)
    ? values.filter((value) => typeof value === 'string' && value !== '' && isPlainText(value))
    : [];
}

/** What can be written into a log, a header and a row: no control characters, no half of a surrogate pair. */
function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text);
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}
