import type { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';

/** How people sign in, as the pages are told; `src/pages/shared/sign-in.ts` reads it. */
export interface SignInSettings {
  readonly issuer: string;
  readonly client_id: string;
  readonly scope: string;
  readonly resource?: string;
  /** All that a page may ask for it. */
  readonly origins: readonly string[];
}

/** Undefined where tokens are pasted alone. */
export function signInSettings(config: ConfigService<Environment, true>): SignInSettings | undefined {
  const clientId = config.get('OIDC_CLIENT_ID', { infer: true });
  const issuer = config.get('JWT_ISSUER', { infer: true });
  if (clientId === undefined || issuer === undefined) return undefined;
  return {
    issuer,
    client_id: clientId,
    scope: config.get('OIDC_SCOPE', { infer: true }),
    resource: config.get('OIDC_RESOURCE', { infer: true }),
    origins: [...new Set([new URL(issuer).origin, ...config.get('OIDC_ORIGINS', { infer: true })])],
  };
}
