import type { ConfigService } from '@nestjs/config';
import { ConfigurationError, type Environment } from '../config/environment.js';
import { openDevelopmentKeys, usesDevelopmentKeys } from './development-keys.js';
import type { JwksEndpoint } from './jwks-endpoint.service.js';
import { JwksKeys } from './jwks-keys.js';
import { PemFileKeys } from './pem-file-keys.js';
import type { VerificationKeys } from './verification-keys.js';

/**
 * Opens the driver that the configuration asks for.
 * @throws ConfigurationError when the key file is not usable, or production has no key.
 */
export async function openVerificationKeys(
  config: ConfigService<Environment, true>,
  jwks: JwksEndpoint,
): Promise<VerificationKeys> {
  if (jwks.isConfigured) {
    return new JwksKeys(jwks, {
      maxAgeMs: config.get('JWT_JWKS_MAX_AGE_MS', { infer: true }),
      cooldownMs: config.get('JWT_JWKS_COOLDOWN_MS', { infer: true }),
    });
  }
  return openKeyFile(await keyFileOf(config));
}

async function keyFileOf(config: ConfigService<Environment, true>): Promise<string> {
  const path = config.get('JWT_PUBLIC_KEY_FILE', { infer: true });
  if (path !== undefined) return path;
  const NODE_ENV = config.get('NODE_ENV', { infer: true });
  // The configuration refuses this already; made-up keys in production are worth asking twice.
  if (!usesDevelopmentKeys({ NODE_ENV })) {
    throw new ConfigurationError(['JWT_PUBLIC_KEY_FILE or JWT_JWKS_URL: one is required in production']);
  }
  return (await openDevelopmentKeys(config.get('DATA_DIR', { infer: true }))).publicKeyFile;
}

async function openKeyFile(path: string): Promise<VerificationKeys> {
  try {
    return await PemFileKeys.open(path);
  } catch (error) {
    throw new ConfigurationError([`JWT_PUBLIC_KEY_FILE: is not usable: ${String(error)}`]);
  }
}
