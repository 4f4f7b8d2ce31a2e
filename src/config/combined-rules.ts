import { secretProblems } from './element-secrets.js';
import type { DriverSettings } from './element-settings.js';
import { plainHttpProblems } from './plain-http.js';
import { signInProblems } from './sign-in.variables.js';
import { repeatedIds, wantsServiceToken } from './storage-elements.variable.js';
import { sharedFolderProblems } from './storage-folders.js';
import { tracesProblems } from './traces.variables.js';

type Given = Record<string, string | undefined>;

const CREDENTIALS = ['SERVICE_TOKEN_URL', 'SERVICE_CLIENT_ID', 'SERVICE_CLIENT_SECRET'];

/**
 * What the variables need beyond each being well-formed, and what a production start needs. It looks at the raw
 * variables, so that these problems are reported together with malformed ones and not one start later.
 */
export function combinedProblems(given: Given, drivers: readonly DriverSettings[]): string[] {
  return [
    ...keyProblems(given),
    ...signInProblems(given),
    ...credentialProblems(given),
    ...adminProblems(given),
    ...appendProblems(given),
    ...tracesProblems(given),
    ...repeatedElementProblems(given),
    ...sharedFolderProblems(given, drivers),
    ...secretProblems(given, drivers),
    ...(given.NODE_ENV === 'production' ? missingInProduction(given, drivers) : []),
  ];
}

function keyProblems(given: Given): string[] {
  return given.JWT_PUBLIC_KEY_FILE && given.JWT_JWKS_URL
    ? ['JWT_PUBLIC_KEY_FILE, JWT_JWKS_URL: set one of the two, not both']
    : [];
}

/** Half of the credentials would fail at the first upload. */
function credentialProblems(given: Given): string[] {
  const missing = CREDENTIALS.filter((name) => !given[name]);
  if (missing.length === CREDENTIALS.length) return [];
  return missing.map((name) => `${name}: is required, since others of ${CREDENTIALS.join(', ')} are set`);
}

/** The Admin module takes nothing without a token; half of the credentials is reported already. */
function adminProblems(given: Given): string[] {
  if (!given.ADMIN_URL || CREDENTIALS.some((name) => given[name])) return [];
  return CREDENTIALS.map((name) => `${name}: is required, since ADMIN_URL is set`);
}

/** Nothing could be appended. */
function appendProblems({
  RESUMABLE_MAX_APPEND_BYTES: max,
  RESUMABLE_MIN_APPEND_BYTES: min,
}: Given): string[] {
  const isPossible = !max || !min || Number(max) === 0 || Number(min) <= Number(max);
  return isPossible ? [] : ['RESUMABLE_MIN_APPEND_BYTES: must not be above RESUMABLE_MAX_APPEND_BYTES'];
}

function repeatedElementProblems({ STORAGE_ELEMENTS }: Given): string[] {
  return repeatedIds(STORAGE_ELEMENTS).map(
    ({ index, id }) => `STORAGE_ELEMENTS[${index}].id: is taken: ${id} is there twice`,
  );
}

function missingInProduction(given: Given, drivers: readonly DriverSettings[]): string[] {
  const problems: string[] = [];
  if (given.SKIP_AUTH && !/^(false|0|no|off)$/i.test(given.SKIP_AUTH)) {
    problems.push('SKIP_AUTH: is not allowed with NODE_ENV=production');
  }
  if (!given.JWT_PUBLIC_KEY_FILE && !given.JWT_JWKS_URL) {
    problems.push('JWT_PUBLIC_KEY_FILE or JWT_JWKS_URL: one is required with NODE_ENV=production');
  }
  if (!given.STORAGE_ELEMENTS) problems.push('STORAGE_ELEMENTS: is required with NODE_ENV=production');
  return [
    ...problems,
    ...missingClaims(given),
    ...missingCredentials(given, drivers),
    ...plainHttpProblems(given, drivers),
  ];
}

/** An issuer signs tokens for others too, and tokens that are for no access, with the same keys (RFC 8725, section 3.8). */
function missingClaims(given: Given): string[] {
  return ['JWT_ISSUER', 'JWT_AUDIENCE']
    .filter((name) => !given[name])
    .map((name) => `${name}: is required with NODE_ENV=production; * takes any`);
}

/** Some storage elements want a service token. */
function missingCredentials(given: Given, drivers: readonly DriverSettings[]): string[] {
  const { STORAGE_ELEMENTS } = given;
  if (CREDENTIALS.some((name) => given[name]) || !wantsServiceToken(STORAGE_ELEMENTS, drivers)) return [];
  const names = drivers.filter((driver) => driver.wantsServiceToken).map(({ name }) => `"${name}"`);
  return CREDENTIALS.map(
    (name) => `${name}: is required for storage elements with driver ${names.join(' or ')}`,
  );
}
