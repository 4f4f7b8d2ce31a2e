import type { Environment } from './environment.js';

type Relaxable = Pick<Environment, 'NODE_ENV' | 'JWT_ISSUER' | 'JWT_AUDIENCE'> & {
  readonly PLAIN_HTTP_HOSTS: readonly string[];
};

/** Says which rules of production the configuration has put aside, and what that costs, one a sentence. */
export function relaxedRules(environment: Relaxable): string[] {
  if (environment.NODE_ENV !== 'production') return [];
  const { JWT_ISSUER, JWT_AUDIENCE, PLAIN_HTTP_HOSTS } = environment;
  return [
    JWT_ISSUER === undefined &&
      'JWT_ISSUER=*: whoever issues a token, it is taken if one of our keys verifies it.',
    JWT_AUDIENCE === undefined && 'JWT_AUDIENCE=*: tokens that were issued for other services are taken.',
    PLAIN_HTTP_HOSTS.length > 0 &&
      `PLAIN_HTTP_HOSTS=${PLAIN_HTTP_HOSTS.join(',')}: secrets that go there over http can be read on the way.`,
  ].filter((warning) => warning !== false);
}
