import { readFileSync } from 'node:fs';
import { isNativeError } from 'node:util/types';
import { z } from 'zod';
import { outboundBlock } from './outbound-block.js';
import { parseRsaPublicKeys } from './rsa-public-key.js';
import { flag, milliseconds, text, url } from './variables.js';

export const authVariables = {
  JWT_PUBLIC_KEY_FILE: text(
    'PEM file with the RSA public keys that verify tokens, one or more; read again when it changes.',
  ).superRefine((path, context) => {
    const problem = path === undefined ? undefined : keyFileProblem(path);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: `is not usable: ${problem}` });
  }),
  JWT_JWKS_URL: url('JWKS endpoint with the RSA public keys that verify tokens.'),
  JWT_JWKS_MAX_AGE_MS: milliseconds('Age at which a fetched key set is fetched again.', 600_000),
  JWT_JWKS_COOLDOWN_MS: milliseconds(
    'Shortest time between two fetches of the key set, whatever tokens arrive; a fetch may take several attempts.',
    30_000,
  ),
  // One answer serves all who wait for it.
  ...outboundBlock('JWT_JWKS', 'the JWKS endpoint', 1),
  JWT_ISSUER: expectedClaim('Expected `iss`. `*`: not checked. Unset: likewise, but refused in production.'),
  JWT_AUDIENCE: expectedClaim(
    'Expected `aud`. `*`: not checked. Unset: likewise, but refused in production.',
  ),
  JWT_CLOCK_TOLERANCE_MS: milliseconds(
    'How far the clock of an issuer may be off ours: for `exp`, `nbf` and `iat`.',
    5_000,
    0,
  ),
  SKIP_AUTH: flag('Every call is a fixed development user. Refused in production.', false),
};

/** A star is how production says that it wants no check; who reads the configuration need not know the difference. */
function expectedClaim(meaning: string) {
  return z
    .string()
    .trim()
    .min(1)
    .transform((value) => (value === '*' ? undefined : value))
    .optional()
    .meta({ description: meaning, unit: 'text' });
}

function keyFileProblem(path: string): string | undefined {
  try {
    parseRsaPublicKeys(readFileSync(path, 'utf8'));
    return undefined;
  } catch (error) {
    if (!isNativeError(error)) throw error;
    return 'code' in error ? `the file cannot be read (${String(error.code)})` : error.message;
  }
}
