import { SignJWT } from 'jose';
import type { Environment } from '../config/environment.js';
import { openDevelopmentKeys, usesDevelopmentKeys } from './development-keys.js';

export interface DevelopmentTokenOptions {
  readonly subject?: string;
  readonly roles?: readonly string[];
  readonly scopes?: readonly string[];
  readonly ttlSeconds?: number;
}

/**
 * Signs a token with the development pair: by default for a developer who may upload, good for an hour.
 * @throws Error where the service does not verify with that pair: in production, and with a key configured.
 */
export async function developmentToken(
  environment: Environment,
  options: DevelopmentTokenOptions = {},
): Promise<string> {
  if (!usesDevelopmentKeys(environment)) {
    throw new Error(
      environment.NODE_ENV === 'production'
        ? 'Tokens are not made with NODE_ENV=production'
        : 'Tokens are signed elsewhere: JWT_PUBLIC_KEY_FILE or JWT_JWKS_URL is set',
    );
  }
  const { subject = 'developer', roles = ['user'], scopes = [], ttlSeconds = 3600 } = options;
  const { privateKey } = await openDevelopmentKeys(environment.DATA_DIR);
  const now = Math.floor(Date.now() / 1000);
  const token = new SignJWT({ type: 'access', username: subject, roles, scope: scopes.join(' ') })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
    .setSubject(subject)
    .setIssuedAt(now)
    .setExpirationTime(now + ttlSeconds);
  if (environment.JWT_ISSUER !== undefined) token.setIssuer(environment.JWT_ISSUER);
  if (environment.JWT_AUDIENCE !== undefined) token.setAudience(environment.JWT_AUDIENCE);
  return token.sign(privateKey);
}
