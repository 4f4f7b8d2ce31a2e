import { flag, milliseconds, text, url } from './variables.js';

export const authVariables = {
  JWT_PUBLIC_KEY_FILE: text(
    'PEM file with the RSA public key that verifies tokens; read again when it changes.',
  ),
  JWT_JWKS_URL: url('JWKS endpoint with the RSA public keys that verify tokens.'),
  JWT_JWKS_MAX_AGE_MS: milliseconds('Age at which a fetched key set is fetched again.', 600_000),
  JWT_JWKS_COOLDOWN_MS: milliseconds('Shortest time between two fetches of the key set.', 30_000),
  JWT_JWKS_TIMEOUT_MS: milliseconds('Time the JWKS endpoint has to answer.', 5_000),
  JWT_ISSUER: text('Expected `iss`. Unset: not checked.'),
  JWT_AUDIENCE: text('Expected `aud`. Unset: not checked.'),
  SKIP_AUTH: flag('Every call is a fixed development user. Refused in production.', false),
};
