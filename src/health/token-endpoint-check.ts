import type { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import type { ReadinessCheck } from './readiness-check.js';

/** Is down while we have no token for storage elements. Not critical: they may be reachable without one. */
export function tokenEndpointCheck(tokens: Pick<ServiceTokens, 'health'>): ReadinessCheck {
  return {
    name: 'token_endpoint',
    critical: false,
    run: async () => {
      const health = await tokens.health();
      return health.up ? health : { up: false, reason: 'there is no token', cause: health.reason };
    },
  };
}
