import { z } from 'zod';
import { got } from './describe-issue.js';
import { listOf, text } from './variables.js';

type Given = Record<string, string | undefined>;

/** RFC 6749, section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/;
/** What can stand in a policy: a host with a `;` in it would end the directive. */
const ORIGIN = /^https?:\/\/(?:[\w.-]+|\[[\da-f:]+\])(?::\d+)?$/;
const OTHERS = ['OIDC_RESOURCE', 'OIDC_ORIGINS', 'OIDC_SCOPE'];

export const signInVariables = {
  OIDC_CLIENT_ID: text(
    'Client as which people sign in at the pages with OpenID Connect, at the issuer that `JWT_ISSUER` names. Unset: they paste a token.',
  ),
  OIDC_SCOPE: z
    .string()
    .trim()
    .regex(SCOPE, { error: ({ input }) => `must be scopes with one space between them${got(input)}` })
    .default('openid')
    .meta({ description: 'What is asked for, as `scope`.', unit: 'text' }),
  OIDC_RESOURCE: z
    .url({ error: 'must be an absolute URI' })
    .refine((value) => !value.includes('#'), 'must not have a fragment')
    .optional()
    .meta({
      description: 'What the token is to be for, as `resource` (RFC 8707). Unset: the issuer knows.',
      unit: 'URL',
    }),
  OIDC_ORIGINS: listOf(
    'Origins that the pages ask besides that of the issuer: its token endpoint may be elsewhere.',
    z.string().refine(isOrigin, { error: 'must be origins such as https://login.example, without a path' }),
  ),
};

/** Half of it would fail when the first one signs in. `JWT_ISSUER` need be no URL where nobody does. */
export function signInProblems(given: Given): string[] {
  if (!given.OIDC_CLIENT_ID) {
    const set = OTHERS.filter((name) => given[name]);
    return set.length === 0 ? [] : [`OIDC_CLIENT_ID: is required, since ${set.join(', ')} is set`];
  }
  const url = URL.parse(given.JWT_ISSUER?.trim() ?? '');
  const isIssuer = url !== null && isOrigin(url.origin) && !/[?#@]/.test(url.href);
  return isIssuer
    ? []
    : ['JWT_ISSUER: must be the http or https URL of the OpenID provider, since OIDC_CLIENT_ID is set'];
}

function isOrigin(value: string): boolean {
  return ORIGIN.test(value) && URL.parse(value)?.origin === value;
}
