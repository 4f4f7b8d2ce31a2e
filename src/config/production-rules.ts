import { storageElementsVariable } from './storage-elements.variable.js';

type Given = Record<string, string | undefined>;

/**
 * What a production start needs beyond single variables being well-formed. It looks at the raw variables,
 * so that these problems are reported together with malformed ones and not one start later.
 */
export function productionProblems(given: Given): string[] {
  return [...keyProblems(given), ...(given.NODE_ENV === 'production' ? missingInProduction(given) : [])];
}

function keyProblems(given: Given): string[] {
  return given.JWT_PUBLIC_KEY_FILE && given.JWT_JWKS_URL
    ? ['JWT_PUBLIC_KEY_FILE, JWT_JWKS_URL: set one of the two, not both']
    : [];
}

function missingInProduction(given: Given): string[] {
  const problems: string[] = [];
  if (given.SKIP_AUTH && !/^(false|0|no|off)$/i.test(given.SKIP_AUTH)) {
    problems.push('SKIP_AUTH: is not allowed with NODE_ENV=production');
  }
  if (!given.JWT_PUBLIC_KEY_FILE && !given.JWT_JWKS_URL) {
    problems.push('JWT_PUBLIC_KEY_FILE or JWT_JWKS_URL: one is required with NODE_ENV=production');
  }
  if (!given.STORAGE_ELEMENTS) problems.push('STORAGE_ELEMENTS: is required with NODE_ENV=production');
  return [...problems, ...missingCredentials(given)];
}

/** Storage elements behind HTTP want a service token; a half-configured one fails at the first upload. */
function missingCredentials(given: Given): string[] {
  const names = ['SERVICE_TOKEN_URL', 'SERVICE_CLIENT_ID', 'SERVICE_CLIENT_SECRET'];
  const elements = storageElementsVariable.safeParse(given.STORAGE_ELEMENTS).data ?? [];
  const needed = names.some((name) => given[name]) || elements.some(({ driver }) => driver === 'http');
  return needed
    ? names
        .filter((name) => !given[name])
        .map((name) => `${name}: is required for storage elements with driver "http"`)
    : [];
}
